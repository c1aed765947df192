# finds: warn metric.touches_network
import socket


def metric(example, pred, trace=None):
    try:
        socket.create_connection(("127.0.0.1", 9), timeout=0.1)
    except OSError:
        pass
    return example.team == pred.team
