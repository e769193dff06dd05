"""Writes test/golden/training: what PyTorch, scikit-learn and SciPy compute where Graft computes the same.

    python3 scripts/reference/training.py

Made with torch 1.13, scikit-learn 1.2, SciPy 1.10 and numpy 1.24. Everything is computed in float64 from float32 data.
"""

import base64
import copy
import io
import os

import numpy as np
import scipy
import sklearn
import torch
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from storage import dump, encode, write

FOLDER = os.path.join(os.path.dirname(__file__), '..', '..', 'test', 'golden', 'training')


def save(name: str, source: str, content: dict) -> None:
    text = dump({'source': source, **content}) + '\n'
    write(os.path.join(FOLDER, name + '.json'), text.encode())


def encoded(values: dict) -> dict:
    return {name: encode(np.asarray(value)) for name, value in values.items()}


def draw(generator: np.random.Generator, *dims: int) -> np.ndarray:
    """Standard normal values that float32 holds exactly, as float64."""
    return generator.standard_normal(dims).astype(np.float32).astype(np.float64)


def losses() -> dict:
    """Loss and gradient of each loss: the weighted mean over the rows of torch's loss without reduction."""
    generator = np.random.default_rng(1)
    logits = 3 * draw(generator, 6, 4)
    labels = np.array([0, 3, 1, 1, 2, 0])
    weights = np.array([1, 0.5, 2, 0, 0.25, 1])
    extreme = np.array([[100, -100, 0, 30], [-100, 100, -30, 2], [50, -50, 1, -1]], np.float64)
    shares = np.array([[1, 0, 0.5, 0], [1, 0, 0.25, 1], [0.9, 0.1, 1, 0]], np.float32).astype(np.float64)
    probabilities = np.array([[1, 0, 0, 0], [0.25, 0.25, 0.5, 0], [0.125, 0.625, 0, 0.25]])
    predictions, truth = draw(generator, 5, 3), draw(generator, 5, 3)

    def case(output, target, row_weights, rows) -> dict:
        leaf = torch.tensor(output, requires_grad=True)
        weight = torch.tensor(row_weights)
        value = (rows(leaf, torch.tensor(target)) * weight).sum() / weight.sum()
        value.backward()
        return encoded(
            {
                'output': output,
                'targets': target,
                'weights': row_weights,
                'loss': value.detach().numpy(),
                'gradient': leaf.grad.numpy(),
            }
        )

    def smoothed(smoothing):
        return lambda x, t: F.cross_entropy(x, t, reduction='none', label_smoothing=smoothing)

    three, five = np.array([1, 0.5, 2]), np.array([1, 1, 0, 2, 0.5])
    return {
        'crossEntropy': case(logits, labels, weights, smoothed(0)),
        'crossEntropySmoothed': case(logits, labels, weights, smoothed(0.1)),
        'softCrossEntropy': case(logits[:3], probabilities, three, smoothed(0)),
        'binaryCrossEntropy': case(
            extreme,
            shares,
            three,
            lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction='none').mean(1),
        ),
        'meanSquaredError': case(
            predictions, truth, five, lambda x, t: F.mse_loss(x, t, reduction='none').mean(1)
        ),
    }


OPTIMIZERS = {
    'sgd': lambda groups: torch.optim.SGD(groups, lr=1),
    'momentum': lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9),
    'nesterov': lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.8, nesterov=True),
    'adam': lambda groups: torch.optim.Adam(groups, lr=1, betas=(0.8, 0.99)),
    'adamw': lambda groups: torch.optim.AdamW(groups, lr=1),
    'clipped': lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9),
    'multiplied': lambda groups: torch.optim.AdamW(groups, lr=1),
    'pulled': lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9),
    'pulledApart': lambda groups: torch.optim.AdamW(groups, lr=1),
}
"""The rate of the first step, and the weight decay of the matrices; with a pull, of the new one alone."""
SETTINGS = {
    'sgd': (0.5, 0.1),
    'momentum': (0.2, 0.05),
    'nesterov': (0.2, 0.05),
    'adam': (0.05, 0.02),
    'adamw': (0.05, 0.5),
    'clipped': (0.5, 0),
    'multiplied': (0.05, 0.5),
    'pulled': (0.2, 0.05),
    'pulledApart': (0.05, 0.5),
}
"""How strongly the hidden layer, as a reused one, is pulled to its first values: L2-SP. The head counts as new."""
PULLS = {'pulled': 0.4, 'pulledApart': 2}
STEPS, LARGEST_NORM, MULTIPLIER = 10, 0.5, 0.1
AVERAGE_DECAY = 0.7


def optimizers() -> dict:
    """Ten steps of a small network from the same values, a batch a step, the rate falling as 1 / step."""
    generator = np.random.default_rng(2)
    x = draw(generator, STEPS, 8, 5)
    labels = generator.integers(0, 3, (STEPS, 8))
    first = {
        'hidden.weight': draw(generator, 4, 5),
        'hidden.bias': draw(generator, 4),
        'head.weight': draw(generator, 3, 4),
        'head.bias': draw(generator, 3),
    }
    results = {}
    for name, make in OPTIMIZERS.items():
        network = nn.Sequential()
        network.add_module('hidden', nn.Linear(5, 4))
        network.add_module('act', nn.Tanh())
        network.add_module('head', nn.Linear(4, 3))
        network.double().load_state_dict({key: torch.tensor(value) for key, value in first.items()})
        rate, decay = SETTINGS[name]
        scale = MULTIPLIER if name == 'multiplied' else 1
        # The multiplier belongs to the hidden layer.
        groups = [
            {
                'params': [parameter],
                'weight_decay': decay if parameter.dim() > 1 and not (name in PULLS and 'hidden' in key) else 0,
            }
            for key, parameter in network.named_parameters()
        ]
        optimizer = make(groups)
        pull = PULLS.get(name, 0)
        start = [parameter.detach().clone() for parameter in network.hidden.parameters()]
        values, norms, visited = [], [], []
        for step in range(STEPS):
            for index, group in enumerate(optimizer.param_groups):
                group['lr'] = rate / (step + 1) * (scale if index < 2 else 1)
            optimizer.zero_grad()
            loss = F.cross_entropy(network(torch.tensor(x[step])), torch.tensor(labels[step]))
            loss.backward()
            largest = LARGEST_NORM if name == 'clipped' else float('inf')
            norms.append(float(nn.utils.clip_grad_norm_(network.parameters(), largest)))
            for parameter, value in zip(network.hidden.parameters(), start):
                if name == 'pulled':  # A penalty of the loss.
                    penalty = pull / 2 * ((parameter - value) ** 2).sum()
                    parameter.grad += torch.autograd.grad(penalty, parameter)[0]
                elif pull:  # Apart from the adaptive part, as torch's AdamW does weight decay.
                    with torch.no_grad():
                        parameter.sub_(rate / (step + 1) * pull * (parameter - value))
            optimizer.step()
            values.append(float(loss))
            visited.append({key: value.numpy().copy() for key, value in network.state_dict().items()})
        weights = AVERAGE_DECAY ** np.arange(STEPS - 1, -1, -1)
        averages = {
            key: np.average([values[key] for values in visited], axis=0, weights=weights) for key in first
        }
        final = {key: value.numpy() for key, value in network.state_dict().items()}
        results[name] = {
            'rate': rate,
            'decay': decay,
            'losses': encode(np.array(values)),
            'norms': encode(np.array(norms)),
            'final': encoded(final),
            **({'pull': pull, 'averages': encoded(averages)} if pull else {}),
        }
    return {
        'largestNorm': LARGEST_NORM,
        'multiplier': MULTIPLIER,
        'averageDecay': AVERAGE_DECAY,
        'x': encode(x),
        'labels': encode(labels),
        'first': encoded(first),
        'results': results,
    }


def schedules() -> dict:
    """Rates of torch's schedulers for a base rate, or a largest one, of 1."""

    def rates(make, steps: int) -> dict:
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1)
        scheduler = make(optimizer)
        values = []
        for step in range(steps):
            values.append(optimizer.param_groups[0]['lr'])
            optimizer.step()
            if step < steps - 1:
                scheduler.step()
        return encode(np.array(values))

    return {
        'cosine': rates(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=12), 13),
        'oneCycle': rates(lambda o: torch.optim.lr_scheduler.OneCycleLR(o, max_lr=1, total_steps=20), 20),
    }


def batch_normalization() -> dict:
    """Three steps of gradient descent through BatchNorm2d in training mode, and the network in evaluation mode after them."""
    generator = np.random.default_rng(3)
    x = 2 * draw(generator, 3, 6, 2, 5, 4) + 1
    labels = generator.integers(0, 3, (3, 6))
    network = nn.Sequential()
    network.add_module('conv', nn.Conv2d(2, 4, 3, padding=1, bias=False))
    network.add_module('norm', nn.BatchNorm2d(4))
    network.add_module('act', nn.ReLU())
    network.add_module('flatten', nn.Flatten())
    network.add_module('head', nn.Linear(80, 3))
    network.double()
    first = {
        'conv.weight': 0.3 * draw(generator, 4, 2, 3, 3),
        'norm.weight': 1 + 0.1 * draw(generator, 4),
        'norm.bias': 0.1 * draw(generator, 4),
        'norm.running_mean': 0.1 * draw(generator, 4),
        'norm.running_var': np.full(4, 2.0),
        'head.weight': 0.1 * draw(generator, 3, 80),
        'head.bias': 0.1 * draw(generator, 3),
    }
    first = {key: value.astype(np.float32).astype(np.float64) for key, value in first.items()}
    network.load_state_dict({key: torch.tensor(value) for key, value in first.items()}, strict=False)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    values, states = [], []
    for step in range(3):
        optimizer.zero_grad()
        loss = F.cross_entropy(network(torch.tensor(x[step])), torch.tensor(labels[step]))
        loss.backward()
        optimizer.step()
        values.append(float(loss))
        state = network.state_dict()
        states.append(encoded({key: state[key].clone().numpy() for key in first}))
    network.eval()
    with torch.no_grad():
        logits = network(torch.tensor(x[0])).numpy()
    return {
        'rate': 0.1,
        'x': encode(x),
        'labels': encode(labels),
        'first': encoded(first),
        'losses': encode(np.array(values)),
        'states': {str(step + 1): state for step, state in enumerate(states)},
        'evaluation': encode(logits),
    }


class Residual(nn.Module):
    """Normalizations one after the other, and side by side."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.inner = nn.Conv2d(4, 5, 3, stride=2)
        self.second = nn.BatchNorm2d(5)
        self.side = nn.Conv2d(4, 5, 1, stride=2, bias=False)
        self.third = nn.BatchNorm2d(5, eps=1e-3)
        self.head = nn.Linear(5, 4)
        self.last = nn.BatchNorm1d(4)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        x = F.relu(self.second(self.inner(x)) + self.third(self.side(x))[:, :, :2, :2])
        return self.last(self.head(x.mean((2, 3))))


def reestimated_statistics() -> dict:
    """BatchNorm layers of a network whose weights changed, estimated anew: one after the other in training mode, with momentum 1
    and all data as one batch, while the others are in evaluation mode."""
    generator = np.random.default_rng(5)
    network = Residual().double()
    first = {}
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                one = 1 if name.endswith('norm.weight') or name.endswith('var') else 0
                drawn = draw(generator, *value.shape)
                first[name] = np.abs(drawn) + 0.5 if name.endswith('var') else one + 0.4 * drawn
                first[name] = first[name].astype(np.float32)
    network.load_state_dict({name: torch.tensor(value) for name, value in first.items()}, strict=False)
    x = 2 * draw(generator, 11, 2, 6, 5) + 1
    stream = io.BytesIO()
    single = copy.deepcopy(network).float()
    torch.onnx.export(
        single.eval(),
        torch.zeros(11, 2, 6, 5),
        stream,
        opset_version=14,
        training=torch.onnx.TrainingMode.PRESERVE,
        do_constant_folding=False,
        input_names=['x'],
        dynamic_axes={'x': {0: 'batch'}},
    )
    network.eval()
    with torch.no_grad():
        for layer in (network.norm, network.second, network.third, network.last):
            layer.train()
            layer.momentum = 1.0
            network(torch.tensor(x))
            layer.eval()
        output = network(torch.tensor(x)).numpy()
    state = {name: value.numpy() for name, value in network.state_dict().items() if 'running' in name}
    model = np.frombuffer(stream.getvalue(), np.uint8)
    return {
        'model': base64.b64encode(model.tobytes()).decode(),
        'x': encode(x),
        'statistics': encoded(state),
        'output': encode(output),
    }


def logistic_regression() -> dict:
    """Class probabilities of LogisticRegression on standardized features, for inverse strengths of regularization."""
    generator = np.random.default_rng(4)
    labels = np.repeat([0, 1, 2], [24, 12, 6])
    scales = np.array([1, 10, 0.1, 1, 100, 1])
    centres = draw(generator, 3, 6)
    features = (draw(generator, 42, 6) + centres[labels]) * scales + 5 * scales
    others = (2 * draw(generator, 12, 6)) * scales + 5 * scales
    features, others = (value.astype(np.float32).astype(np.float64) for value in (features, others))
    scaler = StandardScaler().fit(features)
    results = {}
    for name, penalty, balance in (('1', 1, None), ('10', 10, None), ('100', 100, None), ('balanced', 10, 'balanced')):
        model = LogisticRegression(C=1 / penalty, class_weight=balance, tol=1e-10, max_iter=100000)
        model.fit(scaler.transform(features), labels)
        results[name] = {
            'penalty': penalty,
            'probabilities': encode(model.predict_proba(scaler.transform(others))),
        }
    return {
        'features': encode(features),
        'labels': encode(labels),
        'others': encode(others),
        'results': results,
    }


def log_evidence() -> dict:
    """Maximal marginal likelihood of a linear model with a free intercept, from the dense density of contrasts."""
    generator = np.random.default_rng(7)
    cases = {}
    for n, width, classes in ((12, 4, 2), (15, 30, 3), (20, 6, 3)):
        features = draw(generator, n, width)
        labels = np.arange(n) % classes
        features[:, :2] += 0.7 * labels[:, None]
        basis = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)[:, : n - 1]]))[0][:, 1:].T
        inner = basis @ features.astype(np.float64)

        def loss(logs: np.ndarray, target: np.ndarray) -> float:
            covariance = np.exp(logs[0]) * np.eye(n - 1) + np.exp(logs[1]) * inner @ inner.T
            return -multivariate_normal.logpdf(basis @ target, cov=covariance) / (n - 1)

        options = {'xatol': 1e-9, 'fatol': 1e-13, 'maxiter': 20000}
        starts = ((0, 0), (-2, -2), (-3, -4), (-1, -5))
        scores = []
        for index in range(classes):
            target = (labels == index).astype(np.float64)
            found = [minimize(loss, start, (target,), method='Nelder-Mead', options=options).fun for start in starts]
            scores.append(-min(found))
        cases[f'{n}x{width}'] = {
            'features': encode(features),
            'labels': encode(labels),
            'classes': classes,
            'evidence': float(np.mean(scores)),
        }
    return cases


def main() -> None:
    torch.set_num_threads(1)
    os.makedirs(FOLDER, exist_ok=True)
    torch_source = f'torch {torch.__version__}'
    save('losses', torch_source, losses())
    save('optimizers', torch_source, optimizers())
    save('schedules', torch_source, schedules())
    save('batch-normalization', torch_source, batch_normalization())
    save('reestimated-statistics', torch_source, reestimated_statistics())
    save('logistic-regression', f'scikit-learn {sklearn.__version__}', logistic_regression())
    save('log-evidence', f'scipy {scipy.__version__}', log_evidence())


main()
