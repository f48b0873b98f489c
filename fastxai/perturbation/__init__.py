"""The loop that scores perturbed copies of images, for MindSpore, PyTorch and engines alike.

The way of one call, from the explainer to the kernels. Left is what no framework changes, right
what one framework supplies:

    RISE, Occlusion, RISEPlus                             (fastxai.explainer, fastxai.torch)
      |  arguments kept by `RandomMasks` or `Windows`
      v
    PerturbationExplainer.__call__                        Backend
      |  one call: images, targets, `Plan`, `RunState`      images, targets, evaluation mode,
      |  (the state file), progress, `Explanation`          top classes, identity of the network
      v
    explain_image                                         Backend.step(Task)
      |  one image: batches until `StoppingRule` is         |
      |  content, each told to progress and `RunState`      |
      v                                                     v
    Step(first, count)  <-----------------------------------+
      |  one batch
      |
      |-- HostStep: on the host, for all but the two below
      |     Source.fill(out, first)    copies, where the engine reads them    masked_product,
      |     score(out)                 MindSpore, an engine, PyTorch (CPU)    occlusion_fill
      |     Tally.add(scores)          sums over masks, scores of windows     saliency_accumulate
      |
      |-- GraphStep: copies, scores and sums in one graph of MindSpore
      |-- CudaStep:  the same, queued on a GPU by PyTorch; nobody looks at the scores before
      |              `verify`, so that nothing waits for the GPU
      v
    Maps(Tally)  -->  ImageResult                         saliency_expand, occlusion_sum

Lifetimes: a `Backend` lives as long as its explainer, a `Plan` and a `RunState` as long as a call,
a `Task`, its `Step` and `Tally` as long as an image. To add a method, write a `Plan` with its
`Source`, `Tally` and `Maps`; to add a framework, write a `Backend`.
"""
