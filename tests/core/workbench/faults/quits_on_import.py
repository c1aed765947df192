# finds: fail metric.cannot_load, at quits_on_import.py:4
import sys

sys.exit(3)
