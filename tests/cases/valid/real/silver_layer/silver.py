def transform(dataset):
    pass
def audit(dataset, years):
    pass
