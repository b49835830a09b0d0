import os
def run(:
