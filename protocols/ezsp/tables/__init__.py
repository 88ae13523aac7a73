"""EZSP's frames and structures as data.

``frames.json``: a row per command ``[number, request, response]`` and per callback ``[number, parameters]``,
under ``commands`` and ``callbacks``; ``structures``: fields by name. Fields are ``name:type`` with blanks
between. A row or structure that differs between versions is an object from the first version it holds for to
the row; ``null``: not from this version on. Types are those of `protocols.ezsp.fields`. ``sources`` says
where the facts come from.
"""
