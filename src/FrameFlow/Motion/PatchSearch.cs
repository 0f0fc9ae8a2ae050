using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FrameFlow.Motion;

/// <summary>
/// The inverse search of Kroeger et al. 2016 (section 2.1) on a grid of 8x8 patches of one scale, and its densification (section 2.2).
/// A patch T of frame 0 at x with displacement u has the mean-normalised residual d(q) = I1(q + u) - I0(q) - mean, and is moved by
/// u := u - step * H^-1 sum d grad I0, H = sum grad I0 grad I0^T: the gradients are those of the patch, so H is found once.
/// </summary>
internal static unsafe class PatchSearch
{
    /// <summary>Side of a patch: one Vector256 of floats.</summary>
    public const int Size = 8;

    private const float PixelsInverse = 1f / (Size * Size);

    /// <summary>Below this the structure tensor's determinant counts as this (code values^4 a pixel^4, of sums over 64 pixels).</summary>
    private const float LeastDeterminant = 0.001f / 4096;

    /// <summary>Patches along a side: one every <paramref name="stride"/> pixels, and a last one flush with the end.</summary>
    public static int Count(int length, int stride) => 1 + ((length - Size + stride - 1) / stride);

    /// <summary>Finds the displacement of every patch.</summary>
    /// <param name="from">The scale of the frame that the patches are cut from.</param>
    /// <param name="to">The same scale of the other frame.</param>
    /// <param name="flowX">Start values at every pixel, rows <paramref name="flowStride"/> apart.</param>
    /// <param name="flowY">Start values, y.</param>
    /// <param name="flowStride">Distance of flow rows.</param>
    /// <param name="sparseX">Displacements, one a patch: the result.</param>
    /// <param name="sparseY">Displacements, y.</param>
    /// <param name="tensors">Five floats a patch.</param>
    /// <param name="patchStride">Distance of patches.</param>
    /// <param name="iterations">Descent steps in both sweeps together.</param>
    /// <param name="stepScale">Part of a Gauss-Newton step.</param>
    /// <param name="noise">Variance a pixel that is added to both squares of the structure tensor, code values^2.</param>
    public static void Run(in PyramidLevel from, in PyramidLevel to, float* flowX, float* flowY, int flowStride, float* sparseX, float* sparseY, float* tensors, int patchStride, int iterations, float stepScale, float noise)
    {
        int columns = Count(from.Width, patchStride);
        int rows = Count(from.Height, patchStride);
        for (int row = 0; row < rows; row++)
        {
            int y = Math.Min(row * patchStride, from.Height - Size);
            for (int column = 0; column < columns; column++)
            {
                int x = Math.Min(column * patchStride, from.Width - Size);
                long patch = ((long)row * columns) + column;
                long centre = ((long)(y + (Size / 2)) * flowStride) + x + (Size / 2);
                sparseX[patch] = flowX[centre];
                sparseY[patch] = flowY[centre];
                Tensor(from, x, y, tensors + (5 * patch), stepScale, noise * Size * Size);
            }
        }

        // Each sweep offers a patch the displacements of the two neighbours that were done just before.
        int steps = iterations / 2;
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                Descend(from, to, sparseX, sparseY, tensors, columns, row, column, -1, column > 0, row > 0, patchStride, steps);
            }
        }

        for (int row = rows - 1; row >= 0; row--)
        {
            for (int column = columns - 1; column >= 0; column--)
            {
                Descend(from, to, sparseX, sparseY, tensors, columns, row, column, 1, column < columns - 1, row < rows - 1, patchStride, steps);
            }
        }
    }

    /// <summary>
    /// Averages at every pixel the displacements of the patches that cover it: U(q) = sum_i u_i / max(1, |I1(q + u_i) - I0(q)|), normalised.
    /// </summary>
    public static void Densify(in PyramidLevel from, in PyramidLevel to, float* sparseX, float* sparseY, float* flowX, float* flowY, float* weights, int flowStride, int patchStride)
    {
        int columns = Count(from.Width, patchStride);
        int rows = Count(from.Height, patchStride);
        long length = (long)flowStride * from.Height;
        nuint bytes = (nuint)length * sizeof(float);
        NativeMemory.Clear(flowX, bytes);
        NativeMemory.Clear(flowY, bytes);
        NativeMemory.Clear(weights, bytes);
        for (int row = 0; row < rows; row++)
        {
            int y = Math.Min(row * patchStride, from.Height - Size);
            for (int column = 0; column < columns; column++)
            {
                int x = Math.Min(column * patchStride, from.Width - Size);
                long patch = ((long)row * columns) + column;
                Spread(from, to, x, y, sparseX[patch], sparseY[patch], flowX, flowY, weights, flowStride);
            }
        }

        for (long i = 0; i < length; i += Vector256<float>.Count)
        {
            // The rows' padding has weight 0; whatever is there is never used, but must be a number.
            Vector256<float> scale = Vector256<float>.One / Vector256.Max(Vector256.Load(weights + i), Vector256.Create(1e-12f));
            (Vector256.Load(flowX + i) * scale).Store(flowX + i);
            (Vector256.Load(flowY + i) * scale).Store(flowY + i);
        }
    }

    private static void Spread(in PyramidLevel from, in PyramidLevel to, int x, int y, float u, float v, float* flowX, float* flowY, float* weights, int flowStride)
    {
        float* source = Locate(to, x, y, u, v, out float fractionX, out float fractionY);
        float* template = from.Image + ((long)y * from.Stride) + x;
        Vector256<float> fx = Vector256.Create(fractionX);
        Vector256<float> fy = Vector256.Create(fractionY);
        Vector256<float> du = Vector256.Create(u);
        Vector256<float> dv = Vector256.Create(v);
        long at = ((long)y * flowStride) + x;
        Vector256<float> above = Across(source, fx);
        for (int i = 0; i < Size; i++)
        {
            source += to.Stride;
            Vector256<float> below = Across(source, fx);
            Vector256<float> difference = Vector256.FusedMultiplyAdd(fy, below - above, above) - Vector256.Load(template);
            above = below;
            Vector256<float> weight = Vector256<float>.One / Vector256.Max(Vector256<float>.One, Vector256.Abs(difference));
            Vector256.FusedMultiplyAdd(weight, du, Vector256.Load(flowX + at)).Store(flowX + at);
            Vector256.FusedMultiplyAdd(weight, dv, Vector256.Load(flowY + at)).Store(flowY + at);
            (Vector256.Load(weights + at) + weight).Store(weights + at);
            template += from.Stride;
            at += flowStride;
        }
    }

    /// <summary>Inverse structure tensor (xx, xy, yy), times the step's scale, and the sums of both gradients.</summary>
    private static void Tensor(in PyramidLevel level, int x, int y, float* tensor, float stepScale, float floor)
    {
        float* gradientX = level.GradientX + ((long)y * level.Stride) + x;
        float* gradientY = level.GradientY + ((long)y * level.Stride) + x;
        Vector256<float> xx = Vector256<float>.Zero;
        Vector256<float> xy = xx;
        Vector256<float> yy = xx;
        Vector256<float> sumX = xx;
        Vector256<float> sumY = xx;
        for (int i = 0; i < Size; i++)
        {
            Vector256<float> gx = Vector256.Load(gradientX);
            Vector256<float> gy = Vector256.Load(gradientY);
            xx = Vector256.FusedMultiplyAdd(gx, gx, xx);
            xy = Vector256.FusedMultiplyAdd(gx, gy, xy);
            yy = Vector256.FusedMultiplyAdd(gy, gy, yy);
            sumX += gx;
            sumY += gy;
            gradientX += level.Stride;
            gradientY += level.Stride;
        }

        float hxx = Vector256.Sum(xx) + floor;
        float hxy = Vector256.Sum(xy);
        float hyy = Vector256.Sum(yy) + floor;
        float scale = stepScale / Math.Max((hxx * hyy) - (hxy * hxy), LeastDeterminant);
        tensor[0] = hyy * scale;
        tensor[1] = -hxy * scale;
        tensor[2] = hxx * scale;
        tensor[3] = Vector256.Sum(sumX) * PixelsInverse;
        tensor[4] = Vector256.Sum(sumY) * PixelsInverse;
    }

    private static void Descend(in PyramidLevel from, in PyramidLevel to, float* sparseX, float* sparseY, float* tensors, int columns, int row, int column, int neighbour, bool hasColumn, bool hasRow, int patchStride, int steps)
    {
        long patch = ((long)row * columns) + column;
        int x = Math.Min(column * patchStride, from.Width - Size);
        int y = Math.Min(row * patchStride, from.Height - Size);
        long at = ((long)y * from.Stride) + x;
        float* template = from.Image + at;
        float u = sparseX[patch];
        float v = sparseY[patch];
        if (hasColumn || hasRow)
        {
            float* source = Locate(to, x, y, u, v, out float fx, out float fy);
            float least = Residual(template, from.Stride, source, to.Stride, fx, fy);
            for (int candidate = 0; candidate < 2; candidate++)
            {
                long other = patch + (candidate == 0 ? neighbour : (long)neighbour * columns);
                if (!(candidate == 0 ? hasColumn : hasRow) || (sparseX[other] == u && sparseY[other] == v))
                {
                    continue;
                }

                source = Locate(to, x, y, sparseX[other], sparseY[other], out fx, out fy);
                float residual = Residual(template, from.Stride, source, to.Stride, fx, fy);
                if (residual < least)
                {
                    least = residual;
                    u = sparseX[other];
                    v = sparseY[other];
                }
            }
        }

        float startX = u;
        float startY = v;
        float* tensor = tensors + (5 * patch);
        float previous = float.PositiveInfinity;
        for (int step = 0; step < steps; step++)
        {
            float* source = Locate(to, x, y, u, v, out float fx, out float fy);
            Vector128<float> sums = Sums(template, from.GradientX + at, from.GradientY + at, from.Stride, source, to.Stride, fx, fy);
            float sum = sums[0];
            float residual = sums[1] - (sum * sum * PixelsInverse);
            float slopeX = sums[2] - (sum * tensor[3]);
            float slopeY = sums[3] - (sum * tensor[4]);
            u -= (tensor[0] * slopeX) + (tensor[1] * slopeY);
            v -= (tensor[1] * slopeX) + (tensor[2] * slopeY);
            if (!(residual < previous))
            {
                break;
            }

            previous = residual;
        }

        // A patch that ran away by more than its size found something else; its start is the better guess (as in OpenCV).
        bool near = ((u - startX) * (u - startX)) + ((v - startY) * (v - startY)) <= Size * Size;
        sparseX[patch] = near ? u : startX;
        sparseY[patch] = near ? v : startY;
    }

    /// <summary>Where the displaced patch begins in the other frame; at most one patch outside of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* Locate(in PyramidLevel to, int x, int y, float u, float v, out float fractionX, out float fractionY)
    {
        float px = Math.Clamp(x + u, 1 - Size, to.Width - 1f);
        float py = Math.Clamp(y + v, 1 - Size, to.Height - 1f);
        float left = MathF.Floor(px);
        float top = MathF.Floor(py);
        fractionX = px - left;
        fractionY = py - top;
        return to.Image + ((long)(int)top * to.Stride) + (int)left;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Across(float* source, Vector256<float> fraction)
    {
        Vector256<float> left = Vector256.Load(source);
        return Vector256.FusedMultiplyAdd(fraction, Vector256.Load(source + 1) - left, left);
    }

    private static float Residual(float* template, int templateStride, float* source, int sourceStride, float fractionX, float fractionY)
    {
        Vector256<float> fx = Vector256.Create(fractionX);
        Vector256<float> fy = Vector256.Create(fractionY);
        Vector256<float> sum = Vector256<float>.Zero;
        Vector256<float> squares = sum;
        Vector256<float> above = Across(source, fx);
        for (int i = 0; i < Size; i++)
        {
            source += sourceStride;
            Vector256<float> below = Across(source, fx);
            Vector256<float> difference = Vector256.FusedMultiplyAdd(fy, below - above, above) - Vector256.Load(template);
            above = below;
            sum += difference;
            squares = Vector256.FusedMultiplyAdd(difference, difference, squares);
            template += templateStride;
        }

        float total = Vector256.Sum(sum);
        return Vector256.Sum(squares) - (total * total * PixelsInverse);
    }

    /// <summary>Sums over the patch of d, d^2, d dI0/dx, d dI0/dy with d = I1(q + u) - I0(q).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Sums(float* template, float* gradientX, float* gradientY, int templateStride, float* source, int sourceStride, float fractionX, float fractionY)
    {
        Vector256<float> fx = Vector256.Create(fractionX);
        Vector256<float> fy = Vector256.Create(fractionY);
        Vector256<float> sum = Vector256<float>.Zero;
        Vector256<float> squares = sum;
        Vector256<float> slopeX = sum;
        Vector256<float> slopeY = sum;
        Vector256<float> above = Across(source, fx);
        for (int i = 0; i < Size; i++)
        {
            source += sourceStride;
            Vector256<float> below = Across(source, fx);
            Vector256<float> difference = Vector256.FusedMultiplyAdd(fy, below - above, above) - Vector256.Load(template);
            above = below;
            sum += difference;
            squares = Vector256.FusedMultiplyAdd(difference, difference, squares);
            slopeX = Vector256.FusedMultiplyAdd(difference, Vector256.Load(gradientX), slopeX);
            slopeY = Vector256.FusedMultiplyAdd(difference, Vector256.Load(gradientY), slopeY);
            template += templateStride;
            gradientX += templateStride;
            gradientY += templateStride;
        }

        return Lanes.Sums(sum, squares, slopeX, slopeY);
    }
}
