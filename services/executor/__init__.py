"""Executor: signs, sends, and asks the chain until it answers.

OrderRouted -> TransactionSigned | RouteExpired | OrderFailed | OrderExpired
TransactionSigned -> TransactionSent, or the chain's answer when the bytes landed before
TransactionSent -> OrderConfirmed | OrderFailed | TransactionExpired | OrderUnresolved
OrderUnresolved -> parked, sent and asked again, for as long as it takes:
OrderConfirmed | OrderFailed | TransactionExpired
CancelRequested -> the events of the step that it interrupted
OrderFailed, OrderCancelled, OrderExpired -> parked and looked back at, if something was signed:
OutcomeContradicted, if the chain says otherwise

Beside that, gives orders that nobody holds back to the group that continues them.
"""
