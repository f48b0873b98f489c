# %% [markdown]
# # Using RISEPlus
#
# RISE masks a picture at random and asks the classifier about each masked one. RISEPlus trusts
# those most that look like pictures which the classifier was trained on. An OoDNet judges that; it
# is trained on features of the classifier's own training pictures. The classifier has two
# attributes for it, `num_features` and `output_features`: see `common/resnet.py`.

# %%
import mindspore as ms
from common.dataset import find_data, load_classes, load_dataset, load_example, load_image_tensor
from common.resnet import resnet50, width_of
from mindspore.nn import Softmax, SoftmaxCrossEntropyWithLogits

from fastxai.explainer import RISEPlus
from fastxai.tool.cv import OoDNet
from fastxai.visual.cv import saliency_to_image

ms.set_context(mode=ms.PYNATIVE_MODE)  # GRAPH_MODE works as well

# %%
data = find_data()
classes = load_classes(data)
num_classes = len(classes)
train_ds = load_dataset(f"{data}/train").batch(4)

param_dict = ms.load_checkpoint(f"{data}/ckpt/resnet50.ckpt")
width = width_of(param_dict)
net = resnet50(num_classes, width=width)
ms.load_param_into_net(net, param_dict)

# %% [markdown]
# ## Training the OoDNet
#
# The loss is SoftmaxCrossEntropyWithLogits for a classifier with Softmax, and BCEWithLogitsLoss for
# one with Sigmoid.

# %%
ood_net = OoDNet(underlying=net, num_classes=num_classes)
ood_net.train(train_ds, loss_fn=SoftmaxCrossEntropyWithLogits(), epoch=10)
ms.save_checkpoint(ood_net, "ood_net.ckpt")

# %% [markdown]
# ## RISEPlus
#
# From here on a script of its own could go on: the checkpoint holds OoDNet and classifier.

# %%
ood_net = OoDNet(underlying=resnet50(num_classes, width=width), num_classes=num_classes)
ms.load_param_into_net(ood_net, ms.load_checkpoint("ood_net.ckpt"))

rise_plus = RISEPlus(ood_net=ood_net, network=net, activation_fn=Softmax(), num_masks=1000)
example = load_example(data)
target = classes.index(example.label)
saliency = rise_plus(load_image_tensor(example.path), targets=target)  # [1, 1, 224, 224]
print(f"saliency.shape: {saliency.shape}, of {example.label} in {example.path.name}")
print(f"{example.share(saliency):.0%} of the map lies in the box of {example.label}")

saliency_to_image(saliency, example.picture).save("rise_plus.png")
