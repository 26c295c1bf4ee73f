# A script that loads torch: the suite would import it to look for doctests.
collect_ignore = ["make_tiny_encoder.py"]
