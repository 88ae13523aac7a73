"""How bytes move. One capability a module, I/O only; found by the entry point group ``hil.drivers``."""
