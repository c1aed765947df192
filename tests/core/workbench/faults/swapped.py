# finds: fail metric.swapped_arguments
def metric(answer_given, row):
    assert "message" in row, "the second argument should be the row"
    return row.team == answer_given.team
