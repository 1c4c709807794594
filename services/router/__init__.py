"""Router: finds the best price.

OrderSubmitted -> RoutingStarted | OrderExpired
RoutingStarted, RouteExpired, TransactionExpired -> OrderRouted | OrderFailed | OrderExpired,
or OrderCancelled if the client has cancelled meanwhile.
"""
