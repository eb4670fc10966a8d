"""Labels that live: rules set them as events come and by night, and take them off when they no longer hold.

`kinds` says what a rule may ask and how that reads as SQL; `rules` keeps rules; `applying` compares what a
rule wants of some contacts with what they carry and writes the difference; `running` does so for whoever
has news (every ten seconds) and for everyone (each night); `preview` counts what a run would do.
"""
