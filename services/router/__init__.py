"""Router: finds the best price.

OrderSubmitted -> RoutingStarted | OrderExpired
RoutingStarted, RouteExpired, TransactionExpired -> OrderRouted | OrderFailed | OrderExpired,
or OrderCancelled when the client asked for it meanwhile.
"""
