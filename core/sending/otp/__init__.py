"""One-time codes: made, sent, called, verified, and guarded against those who ask to make money.

`service` takes requests and tries, `guard` says no to the ones that pump, `codes` makes and compares,
`wording` has the words, `calling` the account of a call, `rules` what people set, `upkeep` what is done every few
seconds, `stats` the figures.
"""
