# %% [markdown]
# # Using the explainers
#
# A saliency map says which pixels a classifier looked at. This tutorial explains one picture with
# GradCAM, then a batch of pictures. It takes the data package of mindspore_xai's tutorials,
# `xai_examples_data/`, from the current folder; without it, a small one of handwritten digits is
# made, with a classifier trained on them (see `README.md`).

# %%
import mindspore as ms
from common.dataset import find_data, load_classes, load_dataset, load_example, load_image_tensor
from common.resnet import resnet50, width_of

from fastxai.explainer import GradCAM
from fastxai.visual.cv import saliency_to_image

ms.set_context(mode=ms.PYNATIVE_MODE)  # GRAPH_MODE works as well

# %% [markdown]
# ## The classifier and a picture
#
# The checkpoint of the digits is of a narrow ResNet-50, hence `width`; that of the data package has
# the usual 64 channels after the first convolution.

# %%
data = find_data()
classes = load_classes(data)
param_dict = ms.load_checkpoint(f"{data}/ckpt/resnet50.ckpt")
net = resnet50(len(classes), width=width_of(param_dict))
ms.load_param_into_net(net, param_dict)

example = load_example(data)
target = classes.index(example.label)
image = load_image_tensor(example.path)  # [1, 3, 224, 224]
print(f"{example.path.name}: what is {example.label} in it, class {target}?")
print(f"image.shape: {image.shape}")

# %% [markdown]
# ## GradCAM
#
# GradCAM weighs the channels of a layer by the gradient of the class. Usually that is the last
# convolutional layer. The map comes back in the size of the picture. A notebook would display it;
# `show=False` leaves that to the last line, which lays it over the picture.

# %%
grad_cam = GradCAM(net, layer="layer4")
saliency = grad_cam(image, targets=target, show=False)  # [1, 1, 224, 224]
print(f"saliency.shape: {saliency.shape}")
print(f"{example.share(saliency):.0%} of the map lies in the box of {example.label}")

overlay = saliency_to_image(saliency, example.picture)
overlay.save("grad_cam.png")
overlay

# %% [markdown]
# ## A batch of pictures
#
# One target for each picture: here what `annotations.txt` names first.

# %%
test_ds = load_dataset(f"{data}/test").batch(4)

for images, labels in test_ds:
    targets = ms.Tensor(labels.argmax(axis=1), dtype=ms.int32)
    saliencies = grad_cam(images, targets=targets)  # [4, 1, 224, 224]
    print(f"saliencies.shape: {saliencies.shape}, of {[classes[t] for t in targets.asnumpy()]}")
