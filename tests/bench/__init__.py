"""`make bench`: each figure beside what it is compared with, measured in the same run, in turns.

Only the ratios mean something: they hold on a busy or slow machine, where times do not. Nothing fails here;
``tests/unit/cli/test_import_cost.py`` holds what can be held without a clock.
"""
