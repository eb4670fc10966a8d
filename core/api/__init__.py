"""/api/v1: what programs may do.

`endpoint` is one line of the table of endpoints; the noun modules hold the lines (`ENDPOINTS`); `calls`
answers a call of any of them; `openapi` writes the document from the same table; `blueprint` mounts it all.
"""
