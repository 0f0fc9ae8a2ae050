"""What the training code promises: python3 -m unittest, in this folder. Seconds on one core; no data needed."""
import argparse
import tempfile
import unittest

import numpy as np
import torch

import data
import export
import interpolate
import motion
import runlog
import scenes
from nets import ALIGNMENT, LightResidual, LightSynthesis, Residual, Synthesis

torch.set_num_threads(1)


def reached(network, inputs, output, centre):
    """The largest distance (px, either axis) from `centre` at which an input changes that pixel of the output."""
    torch.manual_seed(0)
    for layer in [network.body.exit, *getattr(network, "costs", [])]:
        torch.nn.init.normal_(layer.weight)
    inputs = [i.clone().requires_grad_() for i in inputs]
    output(network(*inputs))[..., centre, centre].sum().backward()
    touched = torch.stack([i.grad.abs().sum((0, 1)) for i in inputs]).sum(0) > 0
    y, x = torch.nonzero(touched, as_tuple=True)
    return int(max((y - centre).abs().max(), (x - centre).abs().max()))


class Logs(unittest.TestCase):
    def test_settings_name_no_folders_of_a_machine(self):
        args = argparse.Namespace(cache="/a/b/cache/", resume="runs/last.pt", textures=None, sizes=[256], rate=6e-4, without=["/x/y"])
        self.assertEqual(runlog.settings(args), {"cache": "cache", "resume": "runs/last.pt", "textures": None, "sizes": [256], "rate": 6e-4, "without": ["y"]})


class Networks(unittest.TestCase):
    def test_receptive_field_is_no_larger_than_stated(self):
        size = 320
        inputs = export.network_inputs(1, size, size)
        for centre in range(152, 152 + ALIGNMENT):
            network = LightSynthesis()
            self.assertLessEqual(reached(network, inputs["synthesis"], lambda o: torch.cat(o, 1), centre), network.reach())
        network = Synthesis()
        self.assertLessEqual(reached(network, inputs["synthesis"], lambda o: torch.cat(o, 1), 157), network.reach())
        for network in (LightResidual(), Residual()):
            self.assertLessEqual(reached(network, inputs["residual"], lambda o: o, 157), network.reach())

    def test_untrained_networks_average_and_add_nothing(self):
        frame0, frame1 = torch.rand(2, 1, 3, 32, 48)
        zero, t = torch.zeros(1, 1, 32, 48), torch.full((1, 1, 1, 1), 0.25)
        x = interpolate.synthesis_input(frame0, frame1, torch.zeros(1, 2, 32, 48), zero, zero, t)
        with torch.no_grad():
            for synthesis, residual in ((LightSynthesis(), LightResidual()), (Synthesis(), Residual())):
                found = interpolate.base(synthesis, x, frame0, frame1)
                self.assertTrue(torch.allclose(found.b, 0.75 * frame0 + 0.25 * frame1, atol=1e-5))
                self.assertEqual(float(interpolate.mean(residual, found.cond).abs().max()), 0)


class Sampling(unittest.TestCase):
    def test_variance_of_a_gaussian_is_kept_better_by_more_steps(self):
        residual = lambda pictures, maps: 0 * pictures[:, :3]  # exact for u ~ N(0, 1): D = cos(theta) y
        noise = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
        variances = [float(interpolate.sample(residual, torch.zeros(1, 16, 128, 128), 0 * noise, noise, k).var()) for k in (2, 3, 4, 16)]
        for got, expected in zip(variances, (0.73, 0.90, 0.97, 1.0)):
            self.assertAlmostEqual(got, expected, delta=0.03)


class Motion(unittest.TestCase):
    def test_reversed_pair_gives_the_reversed_motion(self):
        g = torch.Generator().manual_seed(3)
        frames = torch.rand(2, 1, 3, 24, 32, generator=g)
        f01, f10 = 4 * torch.randn(2, 1, 2, 24, 32, generator=g)
        t = torch.full((1, 1, 1, 1), 0.3)
        forward = motion.motion_at(frames[0], frames[1], f01, f10, t)
        backward = motion.motion_at(frames[1], frames[0], f10, f01, 1 - t)
        self.assertLess(float((forward + backward).abs().max()), 1e-3)

    def test_constant_motion_is_carried_unchanged(self):
        frame, flow = torch.rand(1, 3, 24, 32), torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, 24, 32)
        v = motion.motion_at(frame, motion.warp(frame, -flow), flow, -flow, torch.full((1, 1, 1, 1), 0.5))
        self.assertTrue(torch.allclose(v, flow, atol=1e-4))

    def test_window_equals_the_same_part_of_the_whole(self):
        image, flow = torch.rand(1, 3, 40, 48), 6 * torch.randn(1, 2, 40, 48)
        whole = motion.warp(image, flow, "bicubic")
        window = motion.warp(image, flow[..., 8:24, 16:40], "bicubic", origin=(16, 8))
        self.assertTrue(torch.allclose(whole[..., 8:24, 16:40], window, atol=1e-4))


class Samples(unittest.TestCase):
    def test_turned_and_reversed_windows_stay_true(self):
        y, x = np.mgrid[0:160, 0:176].astype(np.float32) / 16
        planes = np.zeros((data.PLANES, 160, 176), np.float32)
        for first, shift in ((0, 0.0), (3, 1.0), (16, 0.25)):  # look-ups, the truth a quarter of the way, at t = 1/4
            planes[first:first + 3] = 0.4 * x * x + 0.3 * y * y + shift
        planes[6], planes[7] = 0.8 * x / 16, 0.6 * y / 16  # flows: the picture's own slope, against it for the other frame
        planes[8:10], planes[10], planes[11], planes[data.TIME] = -planes[6:8], 0.1, 0.2, 0.25
        planes[12], planes[13] = 0, 1
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/made_0_000000.npy", planes.astype(np.float16))
            batch = data.Samples(folder).batch(32)
        seen = set()
        for window, truth in zip(batch.x, batch.truth):
            t = float(window[data.TIME, 0, 0])
            self.assertLess(float((truth - (1 - t) * window[0:3] - t * window[3:6]).abs().max()), 0.1)
            self.assertAlmostEqual(float(window[10, 0, 0]), 0.1 if t < 0.5 else 0.2, places=3)
            self.assertEqual(float(window[12, 0, 0]), 0 if t < 0.5 else 1)
            along = window[6:8] if t < 0.5 else window[8:10]
            rise = {1: window[0, 2:, 1:-1] - window[0, :-2, 1:-1], 0: window[0, 1:-1, 2:] - window[0, 1:-1, :-2]}
            for axis, slope in rise.items():
                self.assertLess(float((along[axis, 1:-1, 1:-1] * 2 - slope).abs().max()), 0.1)
            seen.add((t < 0.5, float(rise[0].mean()) > 0, float(rise[1].mean()) > 0))
        self.assertEqual(len(seen), 8)


class Scenes(unittest.TestCase):
    def test_true_flow_fetches_the_other_frame(self):
        ratios = []
        for seed in range(6):
            scene = scenes.Scene(seed, 96, 96, scenes.Textures())
            scene.grain, scene.shutter, scene.gain = 0, 0, 1.0
            a, b = (motion.to_tensor(scene.frame(tau)) for tau in (0.0, 1.0))
            fetched = motion.warp(b, motion.to_tensor(scene.flow(0.0, 1.0)))
            ratios.append(float((fetched - a).abs().median() / ((b - a).abs().median() + 1e-3)))
        self.assertLess(np.median(ratios), 0.5)

    def test_limbs_hang_where_they_began(self):
        scene = scenes.Scene([43, 7, 1], 96, 96, scenes.Textures(), folding=True)
        limbs = [layer for layer in scene.layers if isinstance(layer, scenes.Limb)]
        self.assertTrue(limbs)
        for limb in limbs:
            for tau in (0.0, 0.4, 1.0):
                joint = limb.parent.to_frame(limb.q[None, None], tau)
                np.testing.assert_allclose(limb.to_frame(np.float32(limb.pivot)[None, None], tau), joint, atol=1e-3)
        self.assertEqual(scene.frame(0.5).shape, (96, 96, 3))

    def test_same_seed_same_pictures(self):
        a, b = (scenes.Scene(5, 64, 64, scenes.Textures()).frame(0.5) for _ in range(2))
        self.assertTrue((a == b).all())


if __name__ == "__main__":
    unittest.main()
