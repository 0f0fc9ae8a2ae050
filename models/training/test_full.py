"""What the `full` model's training code promises: python3 -m unittest test_full, in this folder. Under a minute on one core; no data needed."""
import os
import tempfile
import unittest

import cv2
import numpy as np
import torch
import torch.nn.functional as F

import export_full
import flow
import ort
import train_full
from device_scenes import GRID, TILE, Bank, Scenes, catmull_rom
from device_shots import Shots

torch.set_num_threads(1)
cv2.setNumThreads(1)
BANK = Bank(made=2, masks=12)


def smooth_bank():
    """Textures without fine detail, so that bilinear look-ups cost no more than a little."""
    bank = Bank(made=1, masks=12)
    g = torch.Generator().manual_seed(1)
    bank.textures = F.interpolate(torch.rand(3, 3, 32, 32, generator=g), (TILE, TILE), mode="bicubic", align_corners=True).clamp(0, 1).mul(255).round().byte()
    return bank


def decibels(a, b, weight):
    return float(-10 * torch.log10(((a - b).square() * weight).sum() / (3 * weight.sum())))


def trainer(stage="flow", **changes):
    return train_full.Trainer(stage, Scenes(BANK, 3), **({"width": 16, "batch": 1, "sizes": (64,)} | changes))


class Network(unittest.TestCase):
    def test_gathers_look_up_what_grid_sample_does(self):
        g = torch.Generator().manual_seed(0)
        image, motion = torch.rand(2, 5, 24, 40, generator=g), 9 * torch.randn(2, 2, 24, 40, generator=g)
        self.assertTrue(torch.allclose(flow.warp_by_gathers(image, motion), flow.warp_by_grid(image, motion), atol=1e-5))

    def test_correlation_is_the_product_with_the_moved_features(self):
        a, b = torch.rand(2, 1, 8, 12, 16)
        costs = flow.correlation(a, b, 4).view(1, 9, 9, 12, 16)
        for dx, dy in ((0, 0), (3, -2), (-4, 4)):
            y, x = 5, 7
            self.assertAlmostEqual(float(costs[0, dy + 4, dx + 4, y, x]), float((a[0, :, y, x] * b[0, :, y + dy, x + dx]).sum() / 8 ** 0.5), places=5)

    def test_both_ways_to_correlate_agree_forward_and_backward(self):
        results = []
        for correlate in (flow.correlation, flow.correlation_by_products):
            a, b = torch.rand(2, 2, 8, 6, 10, generator=torch.Generator().manual_seed(0)).unbind(0)
            a, b = a.clone().requires_grad_(), b.clone().requires_grad_()
            costs = correlate(a, b, 2)
            (costs * torch.linspace(-1, 1, costs.numel()).view(costs.shape)).sum().backward()
            results.append((costs, a.grad, b.grad))
        for one, other in zip(*results):
            self.assertTrue(torch.allclose(one, other, atol=1e-5))

    def test_upsampling_keeps_a_constant_flow(self):
        up = flow.convex_upsample(torch.tensor([1.5, -2.0]).view(1, 2, 1, 1).expand(1, 2, 4, 6), torch.randn(1, 9 * 16, 4, 6))
        self.assertTrue(torch.allclose(up, torch.tensor([6.0, -8.0]).view(1, 2, 1, 1).expand(1, 2, 16, 24), atol=1e-5))

    def test_swapped_frames_give_swapped_flows(self):
        network = flow.Flow(16).eval()
        a, b = torch.rand(2, 1, 3, 64, 96)
        with torch.no_grad():
            for one, other in zip(network(a, b), reversed(network(b, a))):
                self.assertTrue(torch.allclose(one, other, atol=1e-5))

    @unittest.skipUnless(ort.available(), "no ONNX Runtime here")
    def test_exported_graph_computes_what_pytorch_does_at_any_size(self):
        torch.manual_seed(0)
        network = flow.Flow(16).eval()
        torch.nn.init.normal_(network.delta.weight, 0, 0.05)
        pair = export_full.smooth_pair(2, 64, 96)
        with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
            model = export_full.flow_to_onnx(network, os.path.join(folder, "flow.onnx"))
            expected = network(*pair)
        self.assertGreater(float(expected[0].abs().max()), 0.5)
        feeds = dict(zip(export_full.FLOW_GRAPH[0], (p.numpy() for p in pair)))
        for graph, tolerance in ((model, 1e-3), (export_full.to_half(model), 0.1)):
            for truth, got in zip(expected, ort.run(graph, feeds, export_full.FLOW_GRAPH[1])):
                self.assertLess(float(np.abs(truth.numpy() - got).max()), tolerance)


class Geometry(unittest.TestCase):
    def test_splines_keep_quadratics(self):
        nodes = torch.arange((40 - 1) // GRID + 4, dtype=torch.float32) * GRID - GRID
        p = torch.arange(40, dtype=torch.float32)
        self.assertTrue(torch.allclose(catmull_rom(40, "cpu") @ (0.1 * nodes ** 2 - nodes + 3), 0.1 * p ** 2 - p + 3, atol=1e-3))

    def test_true_flow_fetches_the_other_frames_where_they_show_the_same(self):
        scenes, found = Scenes(smooth_bank(), 5), []
        for step in range(3):
            made = scenes.batch(step, 2, 128, 160, plain=True)
            for here, there, motion, seen, sure, sure_there in (
                    (made.frame0, made.frame1, made.f01, made.seen01, made.sure0, made.sure1), (made.frame1, made.frame0, made.f10, made.seen10, made.sure1, made.sure0),
                    (made.truth, made.frame0, made.ft0, made.seent0, made.suret, made.sure0), (made.truth, made.frame1, made.ft1, made.seent1, made.suret, made.sure1)):
                weight = seen * (sure > 0.999) * (flow.warp_by_grid(sure_there, motion) > 0.999)
                weight = 1 - F.max_pool2d(1 - weight, 3, 1, 1)  # a look-up's four taps may straddle an edge
                found.append((decibels(flow.warp_by_grid(there, motion), here, weight), decibels(there, here, weight)))
                self.assertGreater(float(weight.mean()), 0.1)
        fetched, still = np.array(found).T
        print(f"\ntrue flow fetches at {fetched.mean():.1f} dB (least {fetched.min():.1f}); unmoved {still.mean():.1f}")
        self.assertGreater(fetched.min(), 45)
        self.assertGreater(fetched.mean(), still.mean() + 10)

    def test_flow_there_and_back_is_none(self):
        made = Scenes(BANK, 6).batch(1, 2, 128, 128, plain=True)
        back = (made.f01 + flow.warp_by_grid(made.f10, made.f01)).norm(dim=1, keepdim=True)
        kept = (made.seen01 * (made.sure0 > 0.999)).bool()
        self.assertLess(float(back[kept].quantile(0.9)), 0.02)
        self.assertGreater(float(made.f01.norm(dim=1).max()), 1)

    def test_motion_stays_within_its_bound(self):
        for step in range(3):
            made = Scenes(BANK, 7, largest=0.02).batch(step, 2, 64, 64, plain=True)
            self.assertLess(float(made.f01.norm(dim=1).median()), 6)

    def test_a_batch_follows_from_seed_and_step_alone(self):
        one, other = Scenes(BANK, 8), Scenes(BANK, 8)
        other.batch(0, 1, 64, 64)
        a, b, c = one.batch(4, 2, 64, 64), other.batch(4, 2, 64, 64), one.batch(5, 2, 64, 64)
        for name in vars(a):
            self.assertTrue(torch.equal(getattr(a, name), getattr(b, name)), name)
        self.assertFalse(torch.equal(a.frame0, c.frame0))


class RealShots(unittest.TestCase):
    def test_crops_are_frames_of_one_shot_in_order(self):
        with tempfile.TemporaryDirectory() as folder:
            writer = cv2.VideoWriter(os.path.join(folder, "a.avi"), cv2.VideoWriter_fourcc(*"MJPG"), 24, (96, 80))
            for k in range(16):  # brightness tells the frame's number, texture passes for motion
                writer.write(np.full((80, 96, 3), 40 + 10 * k, np.uint8))
            writer.release()
            shots = Shots(folder, seed=2)
        frame0, frame1, truth, t = shots.batch(3, 6, 64, 64)
        level = lambda f: f.mean((1, 2, 3)) * 255
        expected = level(frame0) + t.flatten() * (level(frame1) - level(frame0))
        self.assertLess(float((level(truth) - expected).abs().max()), 2)
        self.assertGreater(float((level(frame1) - level(frame0)).abs().min()), 15)
        self.assertTrue(torch.equal(frame0, shots.batch(3, 6, 64, 64)[0]))


class Losses(unittest.TestCase):
    def test_true_estimates_leave_only_the_knee(self):
        true = 3 * torch.randn(2, 2, 8, 8).repeat_interleave(8, 2).repeat_interleave(8, 3)
        estimates = [(F.avg_pool2d(true, s) / s, s) for s in (8, 4)] + [(true, 1)]
        loss = float(train_full.end_point_loss(estimates, true, torch.ones(2, 1, 64, 64)))
        self.assertAlmostEqual(loss, train_full.FLOW_KNEE ** train_full.FLOW_POWER, places=3)
        self.assertGreater(float(train_full.end_point_loss([(0 * true, 1)], true, torch.ones(2, 1, 64, 64))), 5 * loss)

    def test_census_sees_structure_and_not_exposure(self):
        a = torch.rand(1, 3, 32, 32)
        self.assertLess(float(train_full.census_loss(a, a + 0.1)), 1e-4)
        self.assertGreater(float(train_full.census_loss(a, a.flip(3))), 0.1)


class Loop(unittest.TestCase):
    def test_resumed_training_equals_training_that_never_stopped(self):
        whole, first, second = trainer(), trainer(), trainer(seed=0)
        for k in range(4):
            whole.step(k / 4)
        for k in range(2):
            first.step(k / 4)
        with tempfile.TemporaryDirectory() as folder:
            train_full.write(first.state(), os.path.join(folder, "last.pt"))
            second.restore(torch.load(os.path.join(folder, "last.pt")))
        for k in range(2, 4):
            second.step(k / 4)
        for a, b in zip((*whole.networks["flow"].parameters(), *whole.ema["flow"].parameters()), (*second.networks["flow"].parameters(), *second.ema["flow"].parameters())):
            self.assertTrue(torch.equal(a, b))
        self.assertEqual(second.training["flow"]["steps"], 4)

    def test_stages_follow_one_another(self):
        with tempfile.TemporaryDirectory() as folder:
            for stage, frozen in (("flow", ("synthesis", "residual")), ("joint", ("residual",)), ("residual", ("flow", "synthesis"))):
                one = trainer(stage, start=folder, rate=1e-2, batch=2)
                before = {n: [p.clone() for p in m.parameters()] for n, m in one.networks.items()}
                values = [one.step(0) for _ in range(2)][-1]
                self.assertTrue(all(bool(torch.isfinite(v)) for v in values.values()), values)
                for name, parameters in before.items():
                    same = all(torch.equal(a, b) for a, b in zip(parameters, one.networks[name].parameters()))
                    self.assertEqual(same, name in frozen, (stage, name))
                one.save(folder)
            self.assertEqual(sorted(os.listdir(folder)), ["flow.pt", "residual.pt", "synthesis.pt"])


if __name__ == "__main__":
    unittest.main()
