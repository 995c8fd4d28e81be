"""Numbers as the office writes them, 48,210; Django's own format for Chinese sets no comma."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
