"""Executor: signs, sends, and asks the chain until it answers.

OrderRouted -> TransactionSigned | RouteExpired | OrderFailed | OrderExpired
TransactionSigned -> TransactionSent, or the chain's answer when the bytes landed before
TransactionSent -> OrderConfirmed | OrderFailed | TransactionExpired | OrderUnresolved
OrderUnresolved -> parked, sent and asked again, for as long as it takes:
OrderConfirmed | OrderFailed | TransactionExpired
CancelRequested -> whatever the order was waiting for
OrderFailed, OrderCancelled, OrderExpired -> parked and looked back at where something was signed:
OutcomeContradicted, if the chain says otherwise

Beside that, gives orders that nobody holds back to whoever continues them.
"""
