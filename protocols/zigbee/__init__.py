"""ZigBee: frames from the MAC up to ZCL, and what devices do with them."""
