"""The ZigBee Cluster Library: frames, data types, general commands, and the clusters of a SMETS HAN."""
