"""What travels on a HAN, kept for Wireshark: ``capture.pcapng`` and ``wireshark/`` in the folder of a run."""
