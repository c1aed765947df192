# finds: fail code.memory, at eats_memory.py:5
def metric(example, pred, trace=None):
    hoard = []
    while True:
        hoard.append(bytearray(20_000_000))
