"""Steps of methods of pretraining, written as one would in PyTorch: the networks, losses and optimizers of src/pretraining."""

import copy

import torch
from torch import nn
from torch.nn import functional as F

from serve import numbers, serve, settings

take = numbers()
batch, rate = settings['batch'], settings['learningRate']
layout = {'contiguous': torch.contiguous_format, 'channels_last': torch.channels_last}[settings['layout']]


features = 128 * 3 * 3


def trunk():
    layers = []
    for before, filters in [(1, 32), (32, 64), (64, 128)]:
        layers += [
            nn.Conv2d(before, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.MaxPool2d(2),
        ]
    return nn.Sequential(*layers, nn.Flatten())


def decoder(code, filters, side):
    """From a code to an image, through maps of the given filters and side."""
    layers = [nn.Linear(code, filters * side * side), nn.ReLU(), nn.Unflatten(1, (filters, side, side))]
    while side < 28:
        layers += [nn.ConvTranspose2d(filters, max(filters // 2, 16), 4, 2, 1), nn.ReLU()]
        filters, side = max(filters // 2, 16), 2 * side
    return nn.Sequential(*layers, nn.Conv2d(filters, 1, 3, padding=1))


def load(model):
    """The weights of the other side, in the order of the layers."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d)):
                for parameter in module.parameters():
                    parameter.copy_(take(*parameter.shape))
    return model.to(memory_format=layout)


def adamw(model):
    """Weights decay, biases and scales do not."""
    weights = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]
    groups = [{'params': weights, 'weight_decay': 0.01}, {'params': others, 'weight_decay': 0}]
    return torch.optim.AdamW(groups, rate)


def images(pixels):
    """Pixels between -1 and 1, as maps."""
    return (pixels.float() / 127.5 - 1).permute(0, 3, 1, 2).contiguous(memory_format=layout)


def training(model, clip, loss_of):
    """A step of one network."""
    optimizer = adamw(model)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss.item()

    return step


def autoencoder():
    encoder, back = trunk(), decoder(features, 32, 7)
    model = load(nn.Sequential(encoder, back))
    pixels = take(batch, 28, 28, 1).byte()
    noise, mask = take(batch, 1, 28, 28), take(batch, 1, 28, 28)

    def loss():
        x = images(pixels)
        return F.mse_loss(model((x + noise) * mask), x)

    return training(model, 1, loss)


def contrastive():
    projector = nn.Sequential(
        nn.Linear(features, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, 128)
    )
    model = load(nn.Sequential(trunk(), projector))
    pixels = take(2 * batch, 28, 28, 1).byte()
    others = torch.eye(2 * batch) * -1e9
    same = torch.arange(2 * batch).roll(batch)

    def loss():
        unit = F.normalize(model(images(pixels)))
        return F.cross_entropy(unit @ unit.T / 0.2 + others, same)

    return training(model, 5, loss)


def gan():
    generator = nn.Sequential(decoder(64, 64, 7), nn.Tanh())
    discriminator = nn.Sequential(trunk(), nn.Linear(features, 1)).eval()
    load(generator)
    load(discriminator)
    average = copy.deepcopy(generator)
    pixels = take(batch, 28, 28, 1).byte()
    nudge, latent = take(batch, 1, 28, 28), take(batch, 64)
    betas = (0.5, 0.99)
    of_generator = torch.optim.Adam(generator.parameters(), rate / 2, betas)
    of_discriminator = torch.optim.Adam(discriminator.parameters(), rate, betas)

    def step():
        real = images(pixels)
        made = generator(latent)
        scores = discriminator(torch.cat([real, real + nudge, made.detach()])).flatten()
        of_real, of_moved, of_made = scores.split(batch)
        slope = (of_moved - of_real) / 0.1
        loss = (F.softplus(-of_real) + F.softplus(of_made) + slope.square() / 2).mean()
        of_discriminator.zero_grad(set_to_none=True)
        loss.backward()
        for parameter in discriminator.parameters():
            parameter.requires_grad_(False)
        of_generator.zero_grad(set_to_none=True)
        F.softplus(-discriminator(made)).mean().backward()
        for parameter in discriminator.parameters():
            parameter.requires_grad_(True)
        of_discriminator.step()
        of_generator.step()
        with torch.no_grad():
            for mean, own in zip(average.parameters(), generator.parameters()):
                mean.lerp_(own, 0.01)
        return loss.item()

    return step


step = {'autoencoder': autoencoder, 'contrastive': contrastive, 'gan': gan}[settings['method']]()
serve([step() for _ in range(settings['checked'])], step)
