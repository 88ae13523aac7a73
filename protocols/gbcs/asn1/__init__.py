"""The ASN.1 payloads of GBCS as typed structures.

``types`` holds what they share, ``schema`` how a structure is declared, parsed and built; the other modules
hold the structures by subject. Tags, optional elements and codes follow the definitions of the use cases
in GBCS and what the reference messages of the DCC carry.
"""
