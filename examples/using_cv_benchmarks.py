# %% [markdown]
# # Using the benchmarks
#
# Four numbers that say how good a saliency map is. All are higher for a better one.

# %%
import mindspore as ms
import numpy as np
from common.dataset import find_data, load_classes, load_example, load_image_tensor
from common.resnet import resnet50, width_of
from mindspore.nn import Softmax

from fastxai.benchmark import ClassSensitivity, Faithfulness, Localization, Robustness
from fastxai.explainer import GradCAM

ms.set_context(mode=ms.PYNATIVE_MODE)  # GRAPH_MODE works as well

# %%
data = find_data()
classes = load_classes(data)
num_classes = len(classes)
param_dict = ms.load_checkpoint(f"{data}/ckpt/resnet50.ckpt")
net = resnet50(num_classes, width=width_of(param_dict))
ms.load_param_into_net(net, param_dict)

example = load_example(data)
target = classes.index(example.label)
image = load_image_tensor(example.path)  # [1, 3, 224, 224]

grad_cam = GradCAM(net, layer="layer4")
saliency = grad_cam(image, targets=target)
print(f"saliency.shape: {saliency.shape}, of {example.label} in {example.path.name}")

# %% [markdown]
# ## Robustness
#
# Does the map stay when the picture gets noise that the classifier does not mind? `saliency` may be
# left out; it is computed then.

# %%
robustness = Robustness(num_classes, activation_fn=Softmax())
score = robustness.evaluate(grad_cam, image, targets=target, saliency=saliency)
print(f"robustness: {score}")

# %% [markdown]
# ## Localization
#
# Does the map lie on the object? That needs to be known: a mask, here of the object's box.

# %%
left, top, right, bottom = example.box
mask = np.zeros([1, 1, 224, 224], np.float32)
mask[:, :, top:bottom, left:right] = 1

localization = Localization(num_classes)
score = localization.evaluate(grad_cam, image, targets=target, mask=ms.Tensor(mask))
print(f"localization: {score}")

# %% [markdown]
# ## Faithfulness
#
# Does the class lose its score when the pixels that matter are blanked?

# %%
faithfulness = Faithfulness(num_classes, activation_fn=Softmax(), metric="InsertionAUC")
score = faithfulness.evaluate(grad_cam, image, targets=target, saliency=saliency)
print(f"faithfulness: {score}")

# %% [markdown]
# ## Class sensitivity
#
# Do the most and the least likely class get different maps?

# %%
class_sensitivity = ClassSensitivity()
score = class_sensitivity.evaluate(grad_cam, image)
print(f"class sensitivity: {score}")
