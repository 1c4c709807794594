/** The order that a form describes: what may be wrong with it, and how it is sent. Pure. */

export const SLIPPAGES = [10, 50, 100, 300]; // Basis points.

const AMOUNT = /^\d{1,20}(\.\d{1,18})?$/;

/** Return a message for each field that cannot be right; the API judges the rest. */
export function mistakes(wish, tokens) {
  const found = {};
  const token = tokens.find(({ symbol }) => symbol === wish.tokenIn);
  const decimals = wish.amountIn.split(".")[1]?.length ?? 0;
  if (!AMOUNT.test(wish.amountIn)) found.amountIn = "Write the amount as digits, such as 1.5.";
  else if (!/[1-9]/.test(wish.amountIn)) found.amountIn = "The amount must be more than 0.";
  else if (token && decimals > token.decimals)
    found.amountIn = `${token.symbol} has at most ${token.decimals} decimals.`;
  if (wish.tokenIn === wish.tokenOut) found.tokenOut = "The two tokens must not be the same.";
  return found;
}

/** Return the body of the request. */
export const bodyOf = ({ tokenIn, tokenOut, amountIn, maxSlippageBps }) => ({
  tokenIn,
  tokenOut,
  amountIn,
  maxSlippageBps,
});

/** Return a new Idempotency-Key: 128 random bits. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID needs HTTPS.
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Return the order as a command. A key is named by a variable, never written out. */
export function curlOf(url, wish, { key = null, signed = false } = {}) {
  const headers = ["Content-Type: application/json"];
  if (key) headers.push(`Idempotency-Key: ${key}`);
  const lines = headers.map((header) => `  -H '${header}' \\\n`).join("");
  const who = signed ? `  -H "Authorization: Bearer $SLIPSTREAM_API_KEY" \\\n` : "";
  return `curl -s ${url} \\\n${who}${lines}  -d '${JSON.stringify(bodyOf(wish))}'`;
}

/** Return the percentage of basis points: 50 is "0.5 %". */
export const percent = (points) => {
  const digits = String(points).padStart(3, "0");
  const part = digits.slice(-2).replace(/0+$/, "");
  return `${digits.slice(0, -2)}${part && `.${part}`} %`;
};
