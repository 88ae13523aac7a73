"""DLMS COSEM as GBCS uses it: A-XDR data, access-request, access-response, data-notification."""
