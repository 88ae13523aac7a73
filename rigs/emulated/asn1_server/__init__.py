"""Use cases with ASN.1 payloads: credentials, joining, firmware, clock of the GSME.

Each module has ``register(device)``, which fills the device's tables.
"""
