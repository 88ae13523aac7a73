"""Option codes of the pcapng format; every kind of block numbers its own from 2 on."""

END = 0
COMMENT = 1
HARDWARE, OS, APPLICATION = 2, 3, 4
NAME, DESCRIPTION, RESOLUTION, OFFSET = 2, 3, 9, 14
FLAGS = 2
START, STOP, RECEIVED, LOST = 2, 3, 4, 5
