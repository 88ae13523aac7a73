"""Stack roles of a ZigBee PRO network with Smart Energy security, sans-I/O: `node.Node` is one device.

From the radio upwards, each a module of its own:

- `mac_service` (`indirect`, `scanning`): frames, polls, what is kept for sleepers, source match, scans
- `nwk_layer` (`nwk_tables`, `broadcasts`, `routing`): network security, neighbours, routes
- `formation`, `joining`, `rejoining`, `membership`, `lifecycle`, `polling`: who is on the network, and how
- `aps_layer` (`aps_fragments`, `link_keys`): data end to end, secured per partner
- `key_service`, `trust_centre`, `trust_centre_keys`, `policy`: keys, and who is trusted with what
- `zdp_service`, `zdp_servers`, `frequency`: the ZigBee device profile
- `persistence`: what outlives a power cut

Nothing happens but in calls from above, from the radio, and from `Node.run_due`. Frames are secured at the
moment they go to the radio, because their counters must rise in the order of transmission.
"""
