"""The CUDA ops against the CPU's and the reference: on a GPU, and emulated on the CPU."""
