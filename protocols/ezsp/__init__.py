"""EZSP, the host interface of EmberZNet sticks: ASH below it (UG101), frames and their tables (UG100)."""
