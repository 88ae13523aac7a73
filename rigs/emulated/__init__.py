"""The emulated premises: devices, Communications Hub, and the far ends of wires."""
