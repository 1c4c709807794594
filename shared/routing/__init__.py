"""The best price: asking the venues, and choosing among their offers.

It knows the venues below it. The router comes in, and the gateway for quotes without an order.
"""
