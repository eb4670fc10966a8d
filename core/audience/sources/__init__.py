"""Sources of events outside: a shop's signed webhooks, and the pages of a site.

`presets` are shops we know, `mapping` turns a payload into events, `hooks` takes a call, `site` takes what
pages send, `people` knows visitors by a keyed hash, `store` keeps the sources themselves.
"""
