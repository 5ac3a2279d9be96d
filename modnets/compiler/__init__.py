"""From the arithmetic of one network to machine code for many: a replica in each vector lane.

The step of one replica is traced into a graph of tensor operations, lowered to loops over its
elements, and written as C++ in which every number is a vector that holds it for 8 or 16 replicas.
So no lane is ever empty, however small a layer, and no lane knows of the others.
"""
