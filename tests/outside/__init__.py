"""Packages of other people, as small as they can be: what they add plugs in, nothing is changed."""
