using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// Dense inverse search: T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast Optical Flow using Dense Inverse Search", ECCV 2016, with the
/// additions of OpenCV's DISOpticalFlow (mean-normalised residual, spatial propagation). On a pyramid of luma (BT.601 weights, 0..255),
/// from coarse to fine: patches on a grid descend (equation 4), patches are averaged into a dense flow (equation 3), the flow is refined
/// variationally, and scaled up for the next scale.
/// </summary>
public sealed unsafe class DenseInverseSearch : IMotionEstimator
{
    private readonly DenseInverseSearchOptions _options;

    /// <summary>Creates an estimator.</summary>
    /// <param name="options">Settings; null: the defaults.</param>
    /// <exception cref="FrameFlowException">A setting is out of range.</exception>
    public DenseInverseSearch(DenseInverseSearchOptions? options = null)
    {
        _options = options ?? new DenseInverseSearchOptions();
        _options.Validate();
    }

    /// <inheritdoc/>
    public MotionField Estimate(FloatImage rgb0, FloatImage rgb1, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(rgb0);
        ArgumentNullException.ThrowIfNull(rgb1);
        ArgumentNullException.ThrowIfNull(pool);
        if (rgb0.Channels != 3 || rgb1.Channels != 3 || rgb0.Width != rgb1.Width || rgb0.Height != rgb1.Height)
        {
            throw new ArgumentException($"Two frames [3,H,W] of one size are needed, not [{rgb0.Channels},{rgb0.Height},{rgb0.Width}] and [{rgb1.Channels},{rgb1.Height},{rgb1.Width}].");
        }

        int finest = _options.FinestScale + (_options.HalveFrom > 0 && Math.Min(rgb0.Width, rgb0.Height) >= _options.HalveFrom ? 1 : 0);

        // A frame smaller than a patch at the finest scale is replicated to that size.
        int width = Math.Max(rgb0.Width, PatchSearch.Size << finest);
        int height = Math.Max(rgb0.Height, PatchSearch.Size << finest);
        int coarsest = Math.Max(finest, Math.Min(_options.CoarsestScale ?? Reach(width, height), BitOperations.Log2((uint)Math.Min(width, height) / PatchSearch.Size)));
        int working = Math.Min(finest, 1);
        int workWidth = LumaPyramid.At(width, working);
        int workHeight = LumaPyramid.At(height, working);
        long plane = Scratch.Rounded((long)FlowStride(workWidth) * workHeight);
        int searchWidth = LumaPyramid.At(width, finest);
        int searchHeight = LumaPyramid.At(height, finest);
        long patches = (long)PatchSearch.Count(searchWidth, _options.PatchStride) * PatchSearch.Count(searchHeight, _options.PatchStride);
        long patchPlane = Scratch.Rounded(patches);
        long refinement = _options.RefinementIterations > 0 ? VariationalRefinement.ScratchLength(searchWidth, searchHeight) : 0;

        using LumaPyramid pyramid0 = LumaPyramid.Build(rgb0, width, height, finest, coarsest, pool);
        using LumaPyramid pyramid1 = LumaPyramid.Build(rgb1, width, height, finest, coarsest, pool);
        using Scratch flows = Scratch.Rent(pool, (5 * plane) + (2 * patchPlane) + Scratch.Rounded(5 * patches) + Scratch.Rounded(FlowStride(workWidth) + 32));
        using Scratch refine = Scratch.Rent(pool, Math.Max(1, refinement));
        FloatImage? forward = null;
        FloatImage? backward = null;
        try
        {
            forward = pool.RentImage(2, rgb0.Height, rgb0.Width);
            backward = pool.RentImage(2, rgb0.Height, rgb0.Width);
            Search(pyramid0, pyramid1, finest, coarsest, forward, flows, refine, plane, patches);
            flows.Clear();
            Search(pyramid1, pyramid0, finest, coarsest, backward, flows, refine, plane, patches);
            return MotionField.Of(forward, backward, pool);
        }
        catch
        {
            forward?.Dispose();
            backward?.Dispose();
            throw;
        }
    }

    /// <summary>The coarsest scale: there a patch of 8 px spans a quarter of the longer side (Kroeger 2016, section 3; OpenCV's rounding).</summary>
    private static int Reach(int width, int height) => (int)Math.Max(0, Math.Log2(Math.Max(width, height) / (4.0 * PatchSearch.Size)) + 0.5);

    private static void Swap(ref float* a, ref float* b)
    {
        float* kept = a;
        a = b;
        b = kept;
    }

    private static int FlowStride(int width) => (width + 15) & ~15;

    private void Search(LumaPyramid from, LumaPyramid to, int finest, int coarsest, FloatImage result, Scratch flows, Scratch refine, long plane, long patches)
    {
        float* flowX = flows.Take(plane);
        float* flowY = flows.Take(plane);
        float* otherX = flows.Take(plane);
        float* otherY = flows.Take(plane);
        float* weights = flows.Take(plane);
        float* sparseX = flows.Take(patches);
        float* sparseY = flows.Take(patches);
        float* tensors = flows.Take(5 * patches);
        float* row = flows.Take(FlowStride(from[Math.Min(finest, 1)].Width) + 32) + 16;
        NativeMemory.Clear(flowX, (nuint)plane * sizeof(float));
        NativeMemory.Clear(flowY, (nuint)plane * sizeof(float));
        for (int scale = coarsest; ; scale--)
        {
            PyramidLevel source = from[scale];
            PyramidLevel target = to[scale];
            int stride = FlowStride(source.Width);
            int patchStride = scale == 0 ? _options.PatchStride + 1 : _options.PatchStride;
            PatchSearch.Run(source, target, flowX, flowY, stride, sparseX, sparseY, tensors, patchStride, _options.DescentIterations, _options.StepScale, _options.GradientNoise);
            PatchSearch.Densify(source, target, sparseX, sparseY, flowX, flowY, weights, stride, patchStride);
            if (_options.RefinementIterations > 0)
            {
                refine.Clear();
                new VariationalRefinement(source.Width, source.Height, refine).Run(source, target, flowX, flowY, stride, _options.RefinementIterations);
            }

            if (scale == finest)
            {
                break;
            }

            int width = from[scale - 1].Width;
            int height = from[scale - 1].Height;
            Enlarge(flowX, source.Width, source.Height, stride, otherX, width, height, FlowStride(width), row);
            Enlarge(flowY, source.Width, source.Height, stride, otherY, width, height, FlowStride(width), row);
            Swap(ref flowX, ref otherX);
            Swap(ref flowY, ref otherY);
        }

        int fromWidth = from[finest].Width;
        int fromHeight = from[finest].Height;
        for (int scale = finest; scale > 1; scale--)
        {
            int width = from[scale - 1].Width;
            int height = from[scale - 1].Height;
            Enlarge(flowX, fromWidth, fromHeight, FlowStride(fromWidth), otherX, width, height, FlowStride(width), row);
            Enlarge(flowY, fromWidth, fromHeight, FlowStride(fromWidth), otherY, width, height, FlowStride(width), row);
            Swap(ref flowX, ref otherX);
            Swap(ref flowY, ref otherY);
            fromWidth = width;
            fromHeight = height;
        }

        float* resultX = result.Data;
        float* resultY = resultX + result.PlaneLength;
        if (finest > 0)
        {
            Enlarge(flowX, fromWidth, fromHeight, FlowStride(fromWidth), resultX, result.Width, result.Height, result.Width, row);
            Enlarge(flowY, fromWidth, fromHeight, FlowStride(fromWidth), resultY, result.Width, result.Height, result.Width, row);
            return;
        }

        for (int y = 0; y < result.Height; y++)
        {
            long at = (long)y * FlowStride(fromWidth);
            new ReadOnlySpan<float>(flowX + at, result.Width).CopyTo(result.Channel(0).Slice(y * result.Width, result.Width));
            new ReadOnlySpan<float>(flowY + at, result.Width).CopyTo(result.Channel(1).Slice(y * result.Width, result.Width));
        }
    }

    /// <summary>
    /// Twice the size, bilinear, and twice the value (a displacement in pixels): pixel centres at (x + 1/2) / 2 - 1/2, so weights 1/4 and 3/4.
    /// Writes the first <paramref name="toWidth"/> x <paramref name="toHeight"/> pixels.
    /// </summary>
    /// <param name="source">The smaller plane.</param>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="stride">Its rows' distance.</param>
    /// <param name="destination">The larger plane.</param>
    /// <param name="toWidth">Its width, at most 2 * width.</param>
    /// <param name="toHeight">Its height.</param>
    /// <param name="toStride">Its rows' distance.</param>
    /// <param name="row">Room for width + 1 floats rounded up to 16, and one before.</param>
    private static void Enlarge(float* source, int width, int height, int stride, float* destination, int toWidth, int toHeight, int toStride, float* row)
    {
        Vector256<float> half = Vector256.Create(0.5f);
        Vector256<float> three = Vector256.Create(1.5f);
        for (int y = 0; y < toHeight; y++)
        {
            int near = y / 2;
            int far = Math.Clamp((y & 1) == 0 ? near - 1 : near + 1, 0, height - 1);
            float* nearRow = source + ((long)near * stride);
            float* farRow = source + ((long)far * stride);
            for (int x = 0; x < width; x += 8)
            {
                Vector256<float> a = Vector256.Load(nearRow + x);
                Vector256.FusedMultiplyAdd(Vector256.Load(farRow + x) - a, Vector256.Create(0.25f), a).Store(row + x);
            }

            row[-1] = row[0];
            row[width] = row[width - 1];
            float* to = destination + ((long)y * toStride);
            int done = 0;
            for (; done <= toWidth - 16; done += 16)
            {
                float* at = row + (done / 2);
                Vector256<float> centre = Vector256.Load(at) * three;
                (Vector256<float> first, Vector256<float> second) = Lanes.Interleave(
                    Vector256.FusedMultiplyAdd(Vector256.Load(at - 1), half, centre), Vector256.FusedMultiplyAdd(Vector256.Load(at + 1), half, centre));
                first.Store(to + done);
                second.Store(to + done + 8);
            }

            for (; done < toWidth; done++)
            {
                float* at = row + (done / 2);
                to[done] = MathF.FusedMultiplyAdd((done & 1) == 0 ? at[-1] : at[1], 0.5f, at[0] * 1.5f);
            }
        }
    }
}
