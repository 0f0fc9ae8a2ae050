"""What the denoiser's training code promises: python3 -m unittest, in this folder. Half a minute on one core; no data needed."""
import os
import subprocess
import sys
import tempfile
import unittest

import cv2
import numpy as np
import torch

import align
import degrade
import denoise
import evaluate_denoise
import holes
import windows
from denoise import CENTRE, UNKNOWN
from nets import ALIGNMENT

torch.set_num_threads(1)


def noise_of(n=1, level=20 / 255, kind=0, first=0.0, second=0.0, kernel=None, chroma=0.0, ratio=(1, 1, 1), clip=0, rounded=0):
    kernels = torch.zeros(n, degrade.KERNEL, degrade.KERNEL)
    kernels[:, degrade.KERNEL // 2, degrade.KERNEL // 2] = 1
    if kernel is not None:
        kernels[:] = torch.from_numpy(kernel).float()
    each = lambda v: torch.full((n,), float(v))
    return degrade.Noise(kernels, each(chroma), torch.tensor([[kind, first, second, level]] * n, dtype=torch.float32), torch.tensor([ratio] * n, dtype=torch.float32), each(1), each(clip), each(rounded), each(0))


def woken(size="light", seed=0):
    """The network with every weight drawn, the zero heads too."""
    torch.manual_seed(seed)
    network = denoise.make(size)
    for layer in (network.exit, network.embed[2]):
        torch.nn.init.normal_(layer.weight, 0, 0.05)
    return network.eval()


class Degradations(unittest.TestCase):
    def test_lag_one_correlations_are_those_asked_for(self):
        rng = np.random.default_rng(0)
        for rho_x, rho_y in ((0.0, 0.0), (0.2, 0.5), (0.6, 0.4), (0.8, 0.75)):
            for _ in range(3):  # the families come at random
                noise = noise_of(kernel=degrade.colouring(rng, rho_x, rho_y))
                x = degrade.field((1, 3, 400, 400), noise, torch.Generator().manual_seed(1))
                lag = lambda a, b: float((a * b).mean())
                measured = lag(x[..., 1:], x[..., :-1]), lag(x[..., 1:, :], x[..., :-1, :]), 0.5 * (lag(x[..., 1:, 1:], x[..., :-1, :-1]) + lag(x[..., 1:, :-1], x[..., :-1, 1:]))
                self.assertAlmostEqual(float(x.var()), 1, delta=0.03)
                for got, told in zip(measured, noise.grain[0]):
                    self.assertAlmostEqual(got, float(told), delta=0.02)
                self.assertAlmostEqual(float(noise.grain[0, 0]), rho_x, delta=0.01)
                self.assertAlmostEqual(float(noise.grain[0, 1]), rho_y, delta=0.01)

    def test_channels_of_a_frame_are_correlated_as_asked_and_frames_are_not(self):
        for rho in (0.3, 0.6, 1.0):
            x = degrade.field((1, 6, 300, 300), noise_of(chroma=rho), torch.Generator().manual_seed(2))[0]
            c = np.corrcoef(x.reshape(6, -1).numpy())
            for i, j in ((0, 1), (0, 2), (1, 2), (3, 5)):
                self.assertAlmostEqual(c[i, j], rho, delta=0.02)
            self.assertAlmostEqual(c[0, 3], 0, delta=0.02)
            self.assertAlmostEqual(float(x.var()), 1, delta=0.02)

    def test_sigma_by_intensity_is_the_curve_and_is_told(self):
        ramp = torch.linspace(0.05, 0.95, 10).repeat_interleave(40).expand(1, 3, 400, 400).contiguous()
        expected = {0: lambda u: 1, 1: lambda u: np.sqrt(0.7 * u + 0.3 * 0.25), 2: lambda u: ((4 * u * (1 - u)) ** 0.6 + 0.2) / 1.2}
        for kind, curve in expected.items():
            first, second = {0: (0, 0), 1: (0.7, 0), 2: (0.6, 0.2)}[kind]
            ratio = (0.7, 1.0, 2.0)
            noisy, told = degrade.apply(ramp, noise_of(level=10 / 255, kind=kind, first=first, second=second, ratio=ratio), generator=torch.Generator().manual_seed(3))
            for k in range(10):
                columns = slice(40 * k + 4, 40 * k + 36)  # away from the steps, over which the told curve is averaged
                u = float(ramp[0, 0, 0, 40 * k])
                for c in range(3):
                    asked = 10 / 255 * curve(u) * ratio[c]
                    self.assertAlmostEqual(float((noisy - ramp)[0, c, :, columns].std()) / asked, 1, delta=0.03)
                    self.assertAlmostEqual(float(told[0, c, :, columns].mean()) / asked, 1, delta=0.03)

    def test_clipping_and_rounding_stay_on_the_8_bit_grid_and_off_for_weaker_frames(self):
        clean = torch.rand(1, 6, 64, 64)
        noisy, told = degrade.apply(clean, noise_of(level=60 / 255, clip=1, rounded=1), torch.tensor([[1.0, 0.5]]), torch.Generator().manual_seed(4))
        whole, weak = noisy[:, :3], noisy[:, 3:]
        self.assertTrue(float(whole.min()) >= 0 and float(whole.max()) <= 1)
        self.assertLess(float((255 * whole - torch.round(255 * whole)).abs().max()), 1e-4)
        self.assertTrue(float(weak.min()) < 0 and float(weak.max()) > 1)
        self.assertAlmostEqual(float((weak - clean[:, 3:]).std()), 30 / 255, delta=0.003)
        self.assertAlmostEqual(float(told[:, 3:].mean()), 30 / 255, delta=1e-4)

    def test_jpeg_is_near_to_the_real_one(self):
        rng = np.random.default_rng(11)
        picture = np.clip(cv2.GaussianBlur(rng.random((96, 96, 3)).astype(np.float32), (0, 0), 2.5) * 4 - 1.5, 0, 1)
        for quality in (60, 90):
            _, data = cv2.imencode(".jpg", np.rint(255 * picture[:, :, ::-1]).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
            real = cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1].astype(np.float32) / 255
            made = degrade.jpeg(torch.from_numpy(picture.transpose(2, 0, 1).copy())[None], torch.tensor([float(quality)]))[0].numpy().transpose(1, 2, 0)
            error = lambda a, b: float(np.sqrt(np.mean((a - b) ** 2)))
            self.assertAlmostEqual(error(made, picture) / error(real, picture), 1, delta=0.15)
            self.assertLess(error(made, real), 0.6 * error(real, picture))

    def test_drawn_levels_stay_inside_their_range(self):
        noise = degrade.draw(np.random.default_rng(5), 300)
        levels = noise.curve[:, 3]
        self.assertLess(float((levels[:, None] * noise.ratio).max()), 71 / 255)
        self.assertTrue(0.1 / 255 <= float(levels.min()) < 1 / 255)
        self.assertLessEqual(float(noise.grain.max()), 1)


class Alignment(unittest.TestCase):
    def test_look_up_leaves_the_stated_part_of_the_variance(self):
        rng = np.random.default_rng(6)
        frame = rng.standard_normal((200, 200, 3)).astype(np.float32)
        for mode in ("bilinear", "bicubic"):
            for fx, fy in ((0.0, 0.0), (0.5, 0.5), (0.25, -0.375)):
                flow = np.full((200, 200, 2), (fx, fy), np.float32)
                self.assertAlmostEqual(float(align.look_up(frame, flow, mode)[4:-4, 4:-4].var()), float(align.squared_weights(flow, mode)[0, 0]), delta=0.02)

    def test_sigma_align_is_the_excess_over_noise(self):
        rng = np.random.default_rng(7)
        centre, flow = np.full((128, 128, 3), 0.5, np.float32), np.zeros((128, 128, 2), np.float32)
        flow[:, -8:, 0] = 9
        wrong = centre.copy()
        wrong[:64] += 0.2
        noisy = lambda a: (a + 0.05 * rng.standard_normal(a.shape)).astype(np.float32)
        found = align.unreliability(noisy(wrong), noisy(centre), np.full((128, 128), 2 * 0.05 ** 2), flow)
        self.assertAlmostEqual(float(np.median(found[8:56, :100])), 0.2, delta=0.02)
        self.assertLess(float(np.median(found[72:, :100])), 0.02)
        self.assertTrue((found[:, -8:] == UNKNOWN).all())

    def test_training_looks_up_as_the_pipeline_does(self):
        rng = np.random.default_rng(8)
        raw = cv2.GaussianBlur(rng.random((72, 72, 3)).astype(np.float32), (0, 0), 2)
        flow = rng.uniform(-3, 3, 2).round(2).astype(np.float32)
        there, _, _ = windows.looked_up(torch.from_numpy(raw.transpose(2, 0, 1).copy())[None], torch.from_numpy(flow)[None, :, None, None].expand(1, 2, 64, 64), True)
        here = align.look_up_exactly(raw, np.broadcast_to(flow, (72, 72, 2)).copy())[4:-4, 4:-4]
        self.assertLess(float(np.abs(there[0].numpy().transpose(1, 2, 0) - here).max()), 1e-3)


class Clips(unittest.TestCase):
    def test_further_frames_fill_the_empty_places_at_the_ends_nearest_first(self):
        self.assertEqual(evaluate_denoise.neighbours(0, 8), [None, None, 0, 1, 2])
        self.assertEqual(evaluate_denoise.neighbours(0, 8, fill=True), [4, 3, 0, 1, 2])
        self.assertEqual(evaluate_denoise.neighbours(6, 8, fill=True), [4, 5, 6, 7, 3])
        self.assertEqual(evaluate_denoise.neighbours(0, 2, fill=True), [None, None, 0, 1, None])
        self.assertEqual(evaluate_denoise.neighbours(4, 8, radius=0), [None, None, 4, None, None])


class Windows(unittest.TestCase):
    def test_stored_motion_fetches_the_centre_in_every_turn(self):
        rng = np.random.default_rng(9)
        wide = cv2.GaussianBlur(rng.random((220, 220, 3)).astype(np.float32), (0, 0), 2)
        wide = np.clip((wide - 0.5) * 4 + 0.5, 0, 1)
        frames = [np.rint(255 * wide[20 + 3 * (k - 2):180 + 3 * (k - 2), 20 - 5 * (k - 2):180 - 5 * (k - 2)]).astype(np.uint8) for k in range(5)]
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/made_0_000001a_2.000.npy", windows.stored(frames, 2 / 255, rng, [(0, 0)])[0])
            samples = windows.Samples(folder, None, 0, 64, 4)
            for _ in range(12):
                raw, flow, unreliable, level, _ = samples.turned(*samples.window())
                self.assertAlmostEqual(level, 2 / 255)
                found, _, _ = windows.looked_up(torch.from_numpy(raw[:3])[None], torch.from_numpy(flow[:1]), True)
                known = torch.from_numpy(unreliable[0] < 1)
                error = (found[0] - torch.from_numpy(raw[6:9])[:, 4:-4, 4:-4])[:, known]
                self.assertGreater(int(known.sum()), 500)
                self.assertLess(float(error.square().mean().sqrt()), 0.03)

    def test_lost_pixels_come_back_from_the_neighbours_in_every_turn(self):
        rng = np.random.default_rng(11)
        wide = np.clip((cv2.GaussianBlur(rng.random((220, 220, 3)).astype(np.float32), (0, 0), 2) - 0.5) * 4 + 0.5, 0, 1)
        frames = [np.rint(255 * wide[20 + 2 * (k - 2):180 + 2 * (k - 2), 20 - 3 * (k - 2):180 - 3 * (k - 2)]).astype(np.uint8) for k in range(5)]
        masks = [holes.draw_mask(rng, windows.SIZE, 0.03 if k == 2 else 0.005) for k in range(5)]
        stored = holes.holed(frames, 0.5 / 255, masks, np.random.default_rng(12))
        self.assertEqual(stored.shape, (36, windows.SIZE, windows.SIZE))
        spoilt = [f.copy() for f in frames]
        spoilt[2][masks[2] > 0] = 0
        self.assertTrue(np.array_equal(stored[15:], holes.holed(spoilt, 0.5 / 255, masks, np.random.default_rng(12))[15:]))  # what is lost plays no part in the motion
        with tempfile.TemporaryDirectory() as folder:
            np.save(f"{folder}/hole_0_000001_0.500.npy", stored)
            np.save(f"{folder}/made_0_000001a_2.000.npy", stored[:35])
            samples = windows.Samples(folder, None, 0, 64, 4)
            errors = []
            for _ in range(12):
                raw, flow, unreliable, level, hole = samples.turned(*samples.window(hole=True))
                planes = [torch.from_numpy(np.concatenate((np.zeros_like(raw[:6, :64, :64]), raw[6:9, 4:-4, 4:-4], np.zeros_like(raw[:6, :64, :64]))))[None]]
                x, s = planes[0].clone(), torch.full((1, 15, 64, 64), UNKNOWN)
                for i, k in enumerate(windows.NEIGHBOURS):
                    x[:, 3 * k:3 * k + 3] = windows.looked_up(torch.from_numpy(raw[3 * k:3 * k + 3])[None], torch.from_numpy(flow[i:i + 1]), True)[0]
                    s[:, 3 * k:3 * k + 3] = torch.from_numpy(unreliable[i]).clamp(min=level)
                lost = torch.from_numpy(hole)[None]
                x[:, 6:9] = torch.where(lost > 0, torch.ones(()), x[:, 6:9])
                filled, told = holes.guess(x, s, lost)
                truth = torch.from_numpy(raw[6:9, 4:-4, 4:-4])[None]
                self.assertTrue(bool((filled == x)[:, 6:9].logical_or(lost > 0).all()) and bool((told[:, 6:9] <= UNKNOWN).all()))
                errors.append(((filled[:, 6:9] - truth).square().mean(1, keepdim=True)[lost > 0]))
        self.assertLess(float(torch.cat(errors).mean().sqrt()), 0.05)  # the texture deviates by .2

    def test_batches_have_the_stated_shapes_and_known_neighbours_help(self):
        samples = windows.Samples(None, None, 1, 32, 6)
        rng = np.random.default_rng(2)
        frames, sigma, grain, truth, mask = windows.observe(samples.draw(), rng)
        self.assertEqual((frames.shape, sigma.shape, grain.shape, truth.shape, mask.shape), ((6, 15, 32, 32), (6, 15, 32, 32), (6, 4), (6, 3, 32, 32), (6, 1, 32, 32)))
        self.assertTrue(bool(torch.isfinite(frames).all()) and float(sigma.min()) >= 0 and float(sigma.max()) <= UNKNOWN)
        errors = []
        for _ in range(12):
            frames, sigma, _, truth, _ = windows.observe(samples.draw(), rng)
            z = (frames - truth.repeat(1, 5, 1, 1)) / sigma.clamp(min=1 / 255)
            errors.append(float(z[sigma < 1].square().mean()))
        self.assertTrue(0.5 < np.median(errors) < 1.6, errors)  # the told deviations are about right


class Network(unittest.TestCase):
    def test_centre_without_noise_comes_back(self):
        frames, sigma = torch.rand(1, 15, 32, 40), 0.1 * torch.rand(1, 15, 32, 40)
        sigma[:, CENTRE] = 0
        with torch.no_grad():
            d = woken()(frames, sigma, torch.rand(1, 4))
        self.assertLess(float((d - frames[:, CENTRE]).abs().max()), 1e-6)

    def test_unknown_everywhere_is_finite_and_does_not_see_the_frames(self):
        sigma, network = torch.full((1, 15, 32, 40), UNKNOWN), woken()
        with torch.no_grad():
            a, b = (network(v * torch.rand(1, 15, 32, 40), sigma, torch.zeros(1, 4)) for v in (0, 1))
        self.assertTrue(bool(torch.isfinite(a).all()))
        self.assertLess(float((a - b).abs().max()), 0.02)

    def test_untrained_network_is_the_gaussian_shrinkage(self):
        frames = torch.rand(1, 15, 32, 32)
        with torch.no_grad():
            d = denoise.make("light")(frames, torch.full((1, 15, 32, 32), 0.25), torch.zeros(1, 4))
        self.assertLess(float((d - (0.5 + 0.5 * (frames[:, CENTRE] - 0.5))).abs().max()), 1e-6)

    def test_a_grown_network_computes_the_same(self):
        small = woken()
        large = denoise.make("full")
        large.load_state_dict(denoise.extended(small.state_dict(), large))
        inputs = torch.rand(2, 15, 32, 40), 0.3 * torch.rand(2, 15, 32, 40), torch.rand(2, 4)
        with torch.no_grad():
            self.assertLess(float((small(*inputs) - large(*inputs)).abs().max()), 1e-5)
        large(*inputs).square().mean().backward()
        self.assertTrue(all(bool(p.grad.abs().sum() > 0) for n, p in large.named_parameters() if n.endswith("second.weight") or n.endswith("up4.weight")))

    def test_receptive_field_is_no_larger_than_stated(self):
        for size in ("light", "full"):
            network, side = woken(size), 2 * (denoise.make(size).reach() // 8 * 8 + 32)
            for centre in (side // 2, side // 2 + 7) if size == "light" else (side // 2 + 3,):
                frames = torch.rand(1, 15, side, side, requires_grad=True)
                network(frames, torch.full((1, 15, side, side), 0.1), torch.zeros(1, 4))[..., centre, centre].sum().backward()
                y, x = torch.nonzero(frames.grad.abs().sum((0, 1)) > 0, as_tuple=True)
                self.assertLessEqual(int(max((y - centre).abs().max(), (x - centre).abs().max())), network.reach())
            self.assertEqual(side % ALIGNMENT, 0)


class Training(unittest.TestCase):
    def test_a_run_goes_on_from_its_checkpoint(self):
        here = os.path.dirname(os.path.abspath(__file__))
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "train.py", "--task", "denoise", "--minutes", "9", "--batch", "3", "--patch", "32", "--steps", "2", "--out", folder]
            subprocess.run(command, cwd=here, check=True)
            first = torch.load(f"{folder}/last.pt")
            subprocess.run(command + ["--steps", "1", "--resume", f"{folder}/last.pt"], cwd=here, check=True)
            second = torch.load(f"{folder}/last.pt")
        self.assertEqual((first["training"]["steps"], second["training"]["steps"], second["training"]["samples"]), (2, 3, 9))
        self.assertEqual({int(s["step"]) for s in second["optimiser"]["state"].values()}, {3})
        moved = max(float((second["weights"][k] - first["weights"][k]).abs().max()) for k in first["weights"])
        self.assertTrue(0 < moved < 1e-3, moved)


if __name__ == "__main__":
    unittest.main()
