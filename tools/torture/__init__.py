"""``python -m tools.torture NAME``: kills, power cuts, damage, hostile input and bad disks.

A torture is a trial that is repeated with other random numbers; a trial that finds a fault can be
run again alone by its number. The archives are real, the codec of their pixels is a quick one.
"""
