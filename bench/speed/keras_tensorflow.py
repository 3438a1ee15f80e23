"""Keras 3 on TensorFlow, with a compiled train step that updates both players from one pass of fakes, as Keras's
tutorials have it (`--update alternating`: each player on fakes of its own).

    KERAS_BACKEND=tensorflow python keras_tensorflow.py dcgan --update simultaneous
"""

from __future__ import annotations

import argparse
import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import networks
import tensorflow as tf
from keras import layers
from worker import images, serve


def mlp() -> tuple[keras.Model, keras.Model]:
    generator = keras.Sequential([
        keras.Input((100,)),
        layers.Dense(256, "relu"), layers.Dropout(0.5), layers.Dense(256, "relu"), layers.Dropout(0.5),
        layers.Dense(784, "tanh"), layers.Reshape((28, 28, 1)),
    ])  # fmt: skip
    discriminator = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Flatten(),
        layers.Dense(256), layers.LeakyReLU(0.3), layers.Dropout(0.5),
        layers.Dense(256), layers.LeakyReLU(0.3), layers.Dropout(0.5), layers.Dense(1),
    ])  # fmt: skip
    return generator, discriminator


def dcgan() -> tuple[keras.Model, keras.Model]:
    def up(width: int, stride: int, last: str | None = None) -> Any:
        return layers.Conv2DTranspose(width, 5, stride, "same", use_bias=False, activation=last)

    generator = keras.Sequential([
        keras.Input((100,)), layers.Dense(7 * 7 * 256, use_bias=False), layers.Reshape((7, 7, 256)),
        layers.BatchNormalization(), layers.LeakyReLU(0.3), up(128, 1),
        layers.BatchNormalization(), layers.LeakyReLU(0.3), up(64, 2),
        layers.BatchNormalization(), layers.LeakyReLU(0.3), up(1, 2, "tanh"),
    ])  # fmt: skip
    discriminator = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(64, 5, 2, "same"), layers.LeakyReLU(0.3), layers.Dropout(0.3),
        layers.Conv2D(128, 5, 2, "same"), layers.LeakyReLU(0.3), layers.Dropout(0.3), layers.Flatten(), layers.Dense(1),
    ])  # fmt: skip
    return generator, discriminator


def resnet() -> tuple[keras.Model, keras.Model]:
    """Of Sparring's `resnet`: three blocks that double the size from 4, four blocks of which three halve it."""

    def block_up(x: Any) -> Any:
        h = layers.ReLU()(layers.BatchNormalization()(x))
        h = layers.Conv2D(256, 3, padding="same")(layers.UpSampling2D()(h))
        h = layers.Conv2D(256, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(h)))
        return h + layers.Conv2D(256, 1)(layers.UpSampling2D()(x))

    def conv(width: int, kernel: int) -> Any:
        return layers.SpectralNormalization(layers.Conv2D(width, kernel, padding="same"))

    def block_down(x: Any, *, shrink: bool, first: bool) -> Any:
        h = conv(128, 3)(x if first else layers.ReLU()(x))
        h = conv(128, 3)(layers.ReLU()(h))
        if shrink:
            h, x = layers.AveragePooling2D(2)(h), layers.AveragePooling2D(2)(x)
        return h + (conv(128, 1)(x) if first else x)

    latent = keras.Input((128,))
    x = layers.Reshape((4, 4, 256))(layers.Dense(4 * 4 * 256)(latent))
    for _ in range(3):
        x = block_up(x)
    x = layers.Conv2D(3, 3, padding="same", activation="tanh")(layers.ReLU()(layers.BatchNormalization()(x)))
    image = y = keras.Input((32, 32, 3))
    for number in range(4):
        y = block_down(y, shrink=number < 3, first=number == 0)
    y = keras.ops.sum(layers.ReLU()(y), axis=(1, 2))
    y = layers.SpectralNormalization(layers.Dense(1))(y)
    return keras.Model(latent, x), keras.Model(image, y)


NETS = {"mlp": mlp, "dcgan": dcgan, "resnet-32": resnet}


class Script:
    """One training, a step a call."""

    def __init__(self, network: str, batch: int, *, xla: bool) -> None:
        self.network, self.batch, self.latent = network, batch, networks.LATENT[network]
        self.generator, self.discriminator = NETS[network]()
        self.g_optimiser = keras.optimizers.Adam(2e-4, 0.5)
        self.d_optimiser = keras.optimizers.Adam(2e-4, 0.5)
        for net, optimiser in ((self.generator, self.g_optimiser), (self.discriminator, self.d_optimiser)):
            optimiser.build(net.trainable_variables)
        data = images(networks.SHAPES[network]).transpose(0, 2, 3, 1).astype("float32") / 127.5 - 1
        rows = tf.data.Dataset.from_tensor_slices(data).shuffle(4096).repeat().batch(batch, drop_remainder=True)
        self.rows = iter(rows.prefetch(2))
        self.compiled = {
            name: tf.function(getattr(self, name), jit_compile=xla) for name in ("_simultaneous", "_alternating")
        }

    def d_loss(self, real: Any, fake: Any) -> Any:
        if self.network == "resnet-32":
            return tf.reduce_mean(tf.nn.relu(1 - real)) + tf.reduce_mean(tf.nn.relu(1 + fake))
        return tf.reduce_mean(tf.nn.softplus(-real)) + tf.reduce_mean(tf.nn.softplus(fake))

    def g_loss(self, fake: Any) -> Any:
        return -tf.reduce_mean(fake) if self.network == "resnet-32" else tf.reduce_mean(tf.nn.softplus(-fake))

    def _simultaneous(self, real: Any) -> Any:
        latents = tf.random.normal((self.batch, self.latent))
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = self.generator(latents, training=True)
            on_real = self.discriminator(real, training=True)
            on_fake = self.discriminator(fake, training=True)
            g_loss, d_loss = self.g_loss(on_fake), self.d_loss(on_real, on_fake)
        self._apply(self.g_optimiser, g_tape, g_loss, self.generator)
        self._apply(self.d_optimiser, d_tape, d_loss, self.discriminator)
        return d_loss

    def _alternating(self, real: Any) -> Any:
        fake = self.generator(tf.random.normal((self.batch, self.latent)), training=True)
        with tf.GradientTape() as tape:
            d_loss = self.d_loss(self.discriminator(real, training=True), self.discriminator(fake, training=True))
        self._apply(self.d_optimiser, tape, d_loss, self.discriminator)
        with tf.GradientTape() as tape:
            fake = self.generator(tf.random.normal((self.batch, self.latent)), training=True)
            g_loss = self.g_loss(self.discriminator(fake, training=True))
        self._apply(self.g_optimiser, tape, g_loss, self.generator)
        return d_loss

    @staticmethod
    def _apply(optimiser: Any, tape: Any, loss: Any, net: keras.Model) -> None:
        weights = net.trainable_variables
        optimiser.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))

    def step(self, update: str) -> None:
        float(self.compiled[f"_{update}"](next(self.rows)))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("network")
    options.add_argument("--update", default="simultaneous")
    options.add_argument("--batch", type=int)
    options.add_argument("--xla", action="store_true")
    said = options.parse_args()
    if said.network not in NETS:
        why = {
            "r3gan-32": "TensorFlow has no gradients of grouped convolutions on a CPU",
            "table": "not written for Keras; it has no Gumbel-softmax of its own",
        }
        raise SystemExit(f"{said.network}: {why[said.network]}")
    script = Script(said.network, said.batch or networks.BATCH[said.network], xla=said.xla)
    serve(lambda: script.step(said.update), lambda: None, {"precision": "fp32", "xla": said.xla})


if __name__ == "__main__":
    main()
