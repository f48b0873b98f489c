"""Faults that users met or that trials in the field found, one file per kind.

A kind is the mechanism behind a report, not the report's own case: a wrong axis of a softmax, a
buffer handed to a network, a range assumed instead of read from the dtype. A new report gets its
test here before it is mended:

1. Name the kind. If it has a file, `test_<kind>.py`, the case goes in there; if not, make one. Its
   docstring says in a sentence what went wrong, and for whom.
2. Reduce the report to the smallest network, picture or array that shows it. Nothing of a user's
   model or data enters the repository.
3. Write down what is right by hand or with NumPy, never with the code under test, and see the test
   fail.
4. Look for everything else that goes through the same mechanism: both MindSpore modes,
   `fastxai.torch`, the engines, the command line. Those are cases of the same file.

What one module does with its own arguments is tested in that module's folder, as before.
"""
