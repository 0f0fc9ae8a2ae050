using System.Runtime.Intrinsics;
using FrameFlow.Media;

namespace FrameFlow.Motion;

/// <summary>
/// The dense motion between the two frames of a pair, in both directions, and how far the directions disagree. Owns its tensors.
/// Reading is thread-safe.
/// </summary>
public sealed unsafe class MotionField : IDisposable
{
    private readonly Lock _gate = new();
    private NativePool? _pool; // null once disposed
    private FloatImage? _forward;
    private FloatImage? _backward;
    private FloatImage? _inconsistency0;
    private FloatImage? _inconsistency1;

    private MotionField()
    {
    }

    /// <summary>F01 [2,H,W], x then y in pixels: I0(p) ~ I1(p + F01(p)).</summary>
    /// <exception cref="ObjectDisposedException">The field was disposed.</exception>
    public FloatImage Forward => _forward ?? throw new ObjectDisposedException(nameof(MotionField));

    /// <summary>F10 [2,H,W], x then y in pixels: I1(p) ~ I0(p + F10(p)).</summary>
    /// <exception cref="ObjectDisposedException">The field was disposed.</exception>
    public FloatImage Backward => _backward ?? throw new ObjectDisposedException(nameof(MotionField));

    /// <summary>H.</summary>
    public int Height => Forward.Height;

    /// <summary>W.</summary>
    public int Width => Forward.Width;

    /// <summary>|F01(q) + F10(q + F01(q))| in pixels, [1,H,W], on the grid of frame 0; found at the first call, owned by this field.</summary>
    public FloatImage Inconsistency0 => Get(ref _inconsistency0, Forward, Backward);

    /// <summary>|F10(q) + F01(q + F10(q))| in pixels, [1,H,W], on the grid of frame 1; found at the first call, owned by this field.</summary>
    public FloatImage Inconsistency1 => Get(ref _inconsistency1, Backward, Forward);

    /// <summary>Takes over two flows of one shape [2,H,W].</summary>
    /// <param name="forward">F01; owned from here on.</param>
    /// <param name="backward">F10; owned from here on.</param>
    /// <param name="pool">Where the inconsistencies come from when they are asked for.</param>
    /// <exception cref="ArgumentException">The shapes differ or are not [2,H,W]; the tensors stay the caller's.</exception>
    /// <returns>The field, which the caller disposes, and forgets then: the object serves again.</returns>
    public static MotionField Of(FloatImage forward, FloatImage backward, NativePool pool)
    {
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(backward);
        ArgumentNullException.ThrowIfNull(pool);
        if (forward.Channels != 2 || backward.Channels != 2 || forward.Width != backward.Width || forward.Height != backward.Height)
        {
            throw new ArgumentException("Two flows [2,H,W] of one size are needed.");
        }

        MotionField field = pool.TakeEnded<MotionField>() ?? new MotionField();
        (field._forward, field._backward, field._pool) = (forward, backward, pool);
        return field;
    }

    /// <summary>The motion at half size, in px of that size: means over 2x2 px. The caller disposes it.</summary>
    /// <param name="pool">Where the memory comes from.</param>
    public MotionField Halved(NativePool pool)
    {
        FloatImage forward = HalfSize.Of(Forward, 0.5f, pool);
        try
        {
            return Of(forward, HalfSize.Of(Backward, 0.5f, pool), pool);
        }
        catch
        {
            forward.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_pool is not { } pool)
            {
                return;
            }

            _forward!.Dispose();
            _backward!.Dispose();
            _inconsistency0?.Dispose();
            _inconsistency1?.Dispose();
            (_forward, _backward, _inconsistency0, _inconsistency1, _pool) = (null, null, null, null, null);
            pool.KeepEnded(this);
        }
    }

    private FloatImage Get(ref FloatImage? cached, FloatImage there, FloatImage back)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_pool is null, this);
            if (cached is null)
            {
                FloatImage result = _pool.RentImage(1, Height, Width);
                Compare(there, back, result);
                cached = result;
            }

            return cached;
        }
    }

    private static void Compare(FloatImage there, FloatImage back, FloatImage destination)
    {
        int width = there.Width;
        for (int y = 0; y < there.Height; y++)
        {
            float* thereX = there.Data + ((long)y * width);
            float* thereY = thereX + there.PlaneLength;
            for (int x = 0; x < width; x += 8)
            {
                Vector256<float> u = Lanes.Load(thereX, x, width);
                Vector256<float> v = Lanes.Load(thereY, x, width);
                BilinearTaps taps = new(u + Lanes.From(x), v + Vector256.Create((float)y), width, there.Height);
                u += taps.Read(back.Data);
                v += taps.Read(back.Data + back.PlaneLength);
                Lanes.Store(Vector256.Sqrt(Vector256.FusedMultiplyAdd(u, u, v * v)), destination.Data + ((long)y * width), x, width);
            }
        }
    }
}
