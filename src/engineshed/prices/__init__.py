"""Price books: dated prices with their source. Money is Decimal; an unknown price raises, it is never zero by
default.
"""
