-- Search by signature, lists of changes, and of contradictions. A column that changes while an order
-- is on its way is in no index, or each of its updates would write to all of them: the signature is
-- indexed by its beginning, which is set with the outcome, and an open order is found among the open
-- ones. The last change of an ended order is its end, but for those that are contradicted.
ALTER TABLE orders
    ADD COLUMN signature_head text COLLATE "C";  -- its first 12 characters, NULL until the end
UPDATE orders SET signature_head = left(signature, 12)
    WHERE outcome IS NOT NULL AND signature IS NOT NULL;

CREATE INDEX orders_by_signature ON orders (signature_head) WHERE signature_head IS NOT NULL;
CREATE INDEX orders_by_end ON orders (ended_at, order_id) WHERE ended_at IS NOT NULL;
CREATE INDEX orders_contradicted ON orders (submitted_at, order_id) WHERE contradicted;
