// @solana/kit against devchain: node kit_client.mjs http://HOST:PORT ws://HOST:PORT
// Prints what it saw, in JSON. It needs `npm ci` in this folder.
import {
  AccountRole, address, appendTransactionMessageInstruction, createKeyPairSignerFromPrivateKeyBytes,
  createSolanaRpc, createSolanaRpcSubscriptions, createTransactionMessage,
  getBase64EncodedWireTransaction, getSignatureFromTransaction, lamports, pipe,
  sendAndConfirmTransactionFactory, setTransactionMessageFeePayerSigner,
  setTransactionMessageLifetimeUsingBlockhash, signTransactionMessageWithSigners,
} from '@solana/kit';

const [, , http, ws] = process.argv;
const rpc = createSolanaRpc(http);
const rpcSubscriptions = createSolanaRpcSubscriptions(ws);
const payer = await createKeyPairSignerFromPrivateKeyBytes(new Uint8Array(32).fill(7));
const to = address('Bv9oqdUTzXY7ZsDTx8hL7Yf7AUXuHrvMMFHH4JTGCqTc');
const confirmed = { commitment: 'confirmed' };

const gift = await rpc.requestAirdrop(payer.address, lamports(10_000_000_000n)).send();
while (!(await rpc.getBalance(payer.address, confirmed).send()).value);

const data = new Uint8Array(12);
new DataView(data.buffer).setUint32(0, 2, true); // The system program's transfer.
new DataView(data.buffer).setBigUint64(4, 1_000_000_000n, true);
const transfer = {
  programAddress: address('11111111111111111111111111111111'),
  accounts: [
    { address: payer.address, role: AccountRole.WRITABLE_SIGNER },
    { address: to, role: AccountRole.WRITABLE },
  ],
  data,
};
const { value: blockhash } = await rpc.getLatestBlockhash(confirmed).send();
const transaction = await signTransactionMessageWithSigners(pipe(
  createTransactionMessage({ version: 0 }),
  (message) => setTransactionMessageFeePayerSigner(payer, message),
  (message) => setTransactionMessageLifetimeUsingBlockhash(blockhash, message),
  (message) => appendTransactionMessageInstruction(transfer, message),
));
await sendAndConfirmTransactionFactory({ rpc, rpcSubscriptions })(transaction, confirmed);

const signature = getSignatureFromTransaction(transaction);
const { value: [status] } = await rpc.getSignatureStatuses([signature]).send();
const wire = getBase64EncodedWireTransaction(transaction);
const again = await rpc.sendTransaction(wire, { encoding: 'base64' }).send().catch((error) => error);
const shown = await rpc.getTransaction(signature, {
  ...confirmed, encoding: 'json', maxSupportedTransactionVersion: 0,
}).send();

console.log(JSON.stringify({
  gift,
  signature,
  error: status.err,
  balance: String((await rpc.getBalance(to, confirmed).send()).value),
  fee: String(shown.meta.fee),
  again: again.context?.__code,
  cause: again.cause?.message,
}));
process.exit(0);
