"""Made scenes: a background and layers with soft edges, each moving on a smooth path, with occlusion, exposure change, motion blur and grain.

Textures are photographs from a folder or, without one, procedural. Everything follows from the seed. True flow is known (`Scene.flow`).
"""
import glob
import os

import cv2
import numpy as np


def fractal(rng, height, width):
    """1/f^s noise [H,W] of mean 0 and deviation 1, s in 0.5..2.5."""
    fy, fx = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    radius = np.sqrt(fy ** 2 + fx ** 2)
    radius[0, 0] = 1
    spectrum = np.fft.rfft2(rng.standard_normal((height, width))) / radius ** rng.uniform(0.5, 2.5)
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, s=(height, width))
    return (field / (field.std() + 1e-9)).astype(np.float32)


def colour(rng, chroma=0.12):
    return np.clip(rng.uniform(0.05, 0.95) + rng.normal(0, chroma, 3), 0, 1)


def made_texture(rng, size):
    """A procedural RGB texture [size,size,3] in 0..1: fractal, dead leaves, glyphs or waves, with shading."""
    kind = rng.integers(4)
    y, x = np.mgrid[0:size, 0:size].astype(np.float32) / size
    if kind == 0:
        f = fractal(rng, size, size)[..., None] * rng.uniform(0.05, 0.25)
        picture = colour(rng) + f * (1 + rng.normal(0, 0.3, 3))
    elif kind == 1:
        picture = np.empty((size, size, 3), np.float32)
        picture[:] = colour(rng)
        for _ in range(rng.integers(80, 500)):
            r = int(min(size / 3, 3 * rng.pareto(1.2) + 2))
            centre = tuple(int(c) for c in rng.integers(0, size, 2))
            if rng.random() < 0.5:
                cv2.circle(picture, centre, r, colour(rng).tolist(), -1, cv2.LINE_AA)
            else:
                points = np.array(centre) + rng.normal(0, r, (rng.integers(3, 7), 2))
                cv2.fillPoly(picture, [points.astype(np.int32)], colour(rng).tolist(), cv2.LINE_AA)
    elif kind == 2:
        picture = np.empty((size, size, 3), np.float32)
        picture[:] = colour(rng)
        for _ in range(rng.integers(20, 120)):
            text = "".join(chr(c) for c in rng.integers(33, 127, rng.integers(1, 9)))
            cv2.putText(picture, text, tuple(int(c) for c in rng.integers(-20, size, 2)), int(rng.integers(0, 8)), float(rng.uniform(0.4, 3)), colour(rng).tolist(), int(rng.integers(1, 4)), cv2.LINE_AA)
    else:
        angle, frequency = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(3), np.log(60)))
        wave = np.sin(2 * np.pi * frequency * (np.cos(angle) * x + np.sin(angle) * y) + rng.uniform(0, 2) * fractal(rng, size, size) * 0.5)
        picture = colour(rng) + wave[..., None] * rng.uniform(0.05, 0.3) * (1 + rng.normal(0, 0.3, 3))
    slope = rng.normal(0, 0.25, 2)
    return np.clip(picture * (1 + slope[0] * (x - 0.5) + slope[1] * (y - 0.5))[..., None], 0, 1).astype(np.float32)


class Textures:
    """Photographs of a folder (loaded once) and procedural textures, as RGB float pictures."""

    def __init__(self, folder=None):
        paths = sorted(p for ext in ("jpg", "png", "jpeg") for p in glob.glob(os.path.join(folder, "**", "*." + ext), recursive=True)) if folder else []
        self.pictures = [cv2.imread(p)[:, :, ::-1] for p in paths]

    def draw(self, rng, size, photographs=0.8):
        """A texture [size,size,3] in 0..1, from a random place, scale, turn and tint."""
        if not self.pictures or rng.random() > photographs:
            return made_texture(rng, size)
        picture = self.pictures[rng.integers(len(self.pictures))]
        side = int(min(min(picture.shape[:2]), size * rng.uniform(0.5, 1.6)))
        y, x = rng.integers(0, picture.shape[0] - side + 1), rng.integers(0, picture.shape[1] - side + 1)
        crop = np.rot90(picture[y:y + side, x:x + side], rng.integers(4))[:, ::rng.choice((-1, 1))]
        crop = cv2.resize(np.ascontiguousarray(crop), (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC).astype(np.float32) / 255
        gain, gamma = rng.uniform(0.7, 1.2), np.exp(rng.normal(0, 0.2))
        return np.clip(gain * np.clip(crop, 0, 1) ** gamma, 0, 1)


def wheel_mask(rng, size):
    """A soft alpha mask [size,size]: a rim, a hub and 3 to 16 spokes."""
    mask, centre, radius = np.zeros((size, size), np.float32), (size // 2, size // 2), 0.44 * size
    thickness = max(1, int(size * rng.uniform(0.01, 0.05)))
    cv2.circle(mask, centre, int(radius), 1.0, thickness + 1, cv2.LINE_AA)
    cv2.circle(mask, centre, int(radius * rng.uniform(0.08, 0.3)), 1.0, -1, cv2.LINE_AA)
    spokes = int(rng.integers(3, 17))
    for k in range(spokes):
        angle = 2 * np.pi * k / spokes
        cv2.line(mask, centre, (int(centre[0] + radius * np.cos(angle)), int(centre[1] + radius * np.sin(angle))), 1.0, thickness, cv2.LINE_AA)
    return cv2.GaussianBlur(mask, (0, 0), 0.6)


def limb_mask(size):
    """A soft alpha mask [size,size]: a rounded bar between the two ends that Limb turns about and carries."""
    mask = np.zeros((size, size), np.float32)
    a, b = ((int(end * size), size // 2) for end in (Limb.PIVOT, Limb.END))
    cv2.line(mask, a, b, 1.0, max(3, size // 5), cv2.LINE_AA)
    return cv2.GaussianBlur(mask, (0, 0), 0.8)


def soft_mask(rng, size):
    """A soft alpha mask [size,size]: blob, polygon, strokes or the level set of a fractal."""
    kind = rng.integers(4)
    mask = np.zeros((size, size), np.float32)
    if kind == 0:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        radius = 0.33 + sum(rng.normal(0, 0.12 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(2, 6))
        points = size / 2 + size * np.clip(radius, 0.08, 0.48)[:, None] * np.stack((np.cos(angles), np.sin(angles)), 1)
        cv2.fillPoly(mask, [points.astype(np.int32)], 1.0, cv2.LINE_AA)
    elif kind == 1:
        points = size / 2 + rng.uniform(-0.46, 0.46, (rng.integers(3, 7), 2)) * size
        cv2.fillConvexPoly(mask, cv2.convexHull(points.astype(np.int32)), 1.0, cv2.LINE_AA)
    elif kind == 2:
        for _ in range(rng.integers(1, 5)):
            a, b = rng.uniform(0.1, 0.9, 2) * size, rng.uniform(0.1, 0.9, 2) * size
            cv2.line(mask, tuple(int(c) for c in a), tuple(int(c) for c in b), 1.0, int(rng.integers(2, max(3, size // 8))), cv2.LINE_AA)
    else:
        f = cv2.GaussianBlur(fractal(rng, size, size), (0, 0), rng.uniform(2, 8))
        y, x = np.mgrid[-1:1:size * 1j, -1:1:size * 1j]
        mask = ((f / (f.std() + 1e-6) + 1.2 - 2.6 * np.hypot(x, y)) > 0).astype(np.float32)
    edge = rng.choice((0.6, 0.8, 1.2, 2.5))
    mask = cv2.GaussianBlur(mask, (0, 0), float(edge))
    mask[[0, -1]] = 0
    mask[:, [0, -1]] = 0
    return mask


class Layer:
    """A texture with alpha that moves: frame position P(q, tau) = centre(tau) + A(tau) (q + tau D(q) - middle), D a smooth field (non-rigid)."""

    def __init__(self, rng, texture, alpha, centre, speed, view):
        self.texture, self.alpha = texture, alpha
        size = texture.shape[0]
        self.middle = np.float32(size / 2)
        self.centre = np.asarray(centre, np.float32)
        direction = rng.uniform(0, 2 * np.pi)
        self.velocity = speed * np.array([np.cos(direction), np.sin(direction) * rng.uniform(0.2, 1)], np.float32)
        self.acceleration = rng.normal(0, 0.12, 2).astype(np.float32) * speed * (rng.random() < 0.6)
        self.angle0, self.spin = (0.0 if alpha is None else rng.uniform(-0.5, 0.5)), rng.normal(0, 0.05) * (rng.random() < 0.5)
        self.zoom0, self.growth = np.exp(rng.normal(0, 0.1)), rng.normal(0, 0.04) * (rng.random() < 0.6)
        self.bend = None
        if rng.random() < 0.5:
            grid = rng.normal(0, 1, (int(rng.integers(3, 7)),) * 2 + (2,)).astype(np.float32) * np.float32(min(6, 0.15 * speed + 0.6))
            self.bend = cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)

    def transform(self, tau):
        angle, zoom = self.angle0 + self.spin * tau, self.zoom0 * (1 + self.growth * tau)
        matrix = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
        return matrix, self.centre + self.velocity * tau + self.acceleration * tau * (tau - 1)

    def to_texture(self, p, tau):
        """Texture coordinates q [H,W,2] of the frame positions p [H,W,2] at time tau: the inverse of P by fixed point."""
        matrix, centre = self.transform(tau)
        rigid = (p - centre) @ np.linalg.inv(matrix).T.astype(np.float32) + self.middle
        if self.bend is None or tau == 0:
            return rigid
        q = rigid
        for _ in range(4):
            q = rigid - tau * cv2.remap(self.bend, q[..., 0], q[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return q

    def to_frame(self, q, tau):
        matrix, centre = self.transform(tau)
        if self.bend is not None:
            q = q + tau * cv2.remap(self.bend, q[..., 0], q[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return (q - self.middle) @ matrix.T + centre

    def draw(self, p, tau):
        """Colour [H,W,3] and alpha [H,W,1] at the frame positions p."""
        q = self.to_texture(p, tau)
        rgb = cv2.remap(self.texture, q[..., 0], q[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        if self.alpha is None:
            return rgb, np.ones(p.shape[:2] + (1,), np.float32)
        return rgb, cv2.remap(self.alpha, q[..., 0], q[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)[..., None]


class Limb(Layer):
    """A bar that hangs on a point q of another layer and turns about it: chains of them fold as arms and legs do."""

    PIVOT, END = 0.15, 0.85  # of the texture's side

    def __init__(self, rng, texture, parent, q):
        size = texture.shape[0]
        super().__init__(rng, texture, limb_mask(size), (0, 0), 0.0, 0)
        self.parent, self.q, self.bend = parent, np.float32(q), None
        self.angle0, self.spin, self.growth = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.35), 0.0
        self.pivot, self.end = (np.float32((side * size, size / 2)) for side in (self.PIVOT, self.END))

    def transform(self, tau):
        matrix, _ = super().transform(tau)
        return matrix, self.parent.to_frame(self.q[None, None], tau)[0, 0] + matrix @ (self.middle - self.pivot)


class Scene:
    """One made shot of two frames and everything between: `frame(tau)` RGB uint8 [H,W,3] for tau in 0..1, `flow(a, b)` true [H,W,2] px.
    `speeds`: px of motion a layer has over the interval, from and to (the background five sixths), never more than a quarter of the width. `folding`: limbs and wheels as well."""

    def __init__(self, seed, height, width, textures, speeds=(0.3, 48), folding=False):
        rng = self.rng = np.random.default_rng(seed)
        self.height, self.width = height, width
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        self.p = np.stack((x, y), -1)
        camera = min(0.25 * width, np.exp(rng.uniform(np.log(speeds[0]), np.log(speeds[1] / 1.2))))
        speed = lambda: min(0.25 * width, np.exp(rng.uniform(*np.log(speeds))))
        middle = (width / 2, height / 2)
        self.layers = [Layer(rng, textures.draw(rng, int(1.35 * max(height, width))), None, middle, camera, width)]
        for _ in range(rng.integers(1, 7)):
            size = int(width * np.exp(rng.uniform(np.log(0.12), np.log(0.9))))
            layer = Layer(rng, textures.draw(rng, size), soft_mask(rng, size), rng.uniform(0, 1, 2) * (width, height), speed(), width)
            layer.velocity += self.layers[0].velocity * (rng.random() < 0.7)
            layer.velocity *= min(1, 0.25 * width / (np.hypot(*layer.velocity) + 1e-6))
            self.layers.append(layer)
        if folding:
            self.fold(rng, textures)
        self.blur = rng.uniform(0, 0.7) if rng.random() < 0.5 else 0.0  # px, of the lens
        self.shutter = rng.uniform(0.1, 0.5) if rng.random() < 0.25 else 0.0  # of the interval
        self.gain = np.exp(rng.normal(0, 0.06)) if rng.random() < 0.25 else 1.0  # exposure at tau = 1 against tau = 0
        self.grain = np.exp(rng.uniform(np.log(1), np.log(10))) / 255 if rng.random() < 0.3 else 0.0
        self.grey = rng.random() < 0.1

    def fold(self, rng, textures):
        """Adds one to four chains of one to three limbs, and wheels, that hang on layers there are."""
        for _ in range(rng.integers(1, 5)):
            parent = self.layers[rng.integers(len(self.layers))]
            q = rng.uniform(0.2, 0.8, 2) * 2 * parent.middle
            size = int(self.width * rng.uniform(0.15, 0.45))
            if rng.random() < 0.35:
                wheel = Limb(rng, textures.draw(rng, size), parent, q)
                wheel.alpha, wheel.pivot = wheel_mask(rng, size), np.float32((size // 2, size // 2))
                self.layers.append(wheel)
                continue
            for _ in range(rng.integers(1, 4)):
                limb = Limb(rng, textures.draw(rng, size), parent, q)
                self.layers.append(limb)
                parent, q = limb, limb.end

    def instant(self, tau):
        picture = np.zeros((self.height, self.width, 3), np.float32)
        for layer in self.layers:
            rgb, alpha = layer.draw(self.p, tau)
            picture += alpha * (rgb - picture)
        return picture

    def frame(self, tau, grain=True):
        taus = [tau] if not self.shutter else tau + self.shutter * (np.arange(4) / 4 - 0.375)
        picture = sum(self.instant(s) for s in taus) / len(taus)
        if self.blur > 0.2:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        if self.grey:
            picture[:] = picture.mean(-1, keepdims=True)
        picture *= 1 + tau * (self.gain - 1)
        if grain and self.grain:
            picture += self.grain * np.sqrt(np.clip(4 * picture * (1 - picture), 0.05, 1)) * self.rng.standard_normal(picture.shape).astype(np.float32)
        return np.clip(np.rint(255 * picture), 0, 255).astype(np.uint8)

    def flow(self, a, b):
        """True motion from tau = a to b on a's grid [H,W,2]: that of the topmost layer whose alpha is over a half."""
        flow = np.zeros((self.height, self.width, 2), np.float32)
        for layer in self.layers:
            _, alpha = layer.draw(self.p, a)
            flow = np.where(alpha > 0.5, layer.to_frame(layer.to_texture(self.p, a), b) - self.p, flow)
        return flow
