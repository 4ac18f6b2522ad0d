"""The heavy arithmetic: NumPy arrays in, NumPy arrays out.

Nothing here knows of tensors, gradient records or modules. A kernel is a plain function; where a
network needs its derivative, the derivative is a kernel too, next to it. The operation records in
`clownpiece.ops` give these functions their names, gradients and place in a graph.

Arrays have PyTorch's layout: the batch first, then channels, then space, `(N, C, *spatial)`.
A kernel answers in the dtype it was given.
"""
