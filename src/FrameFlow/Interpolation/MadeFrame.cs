using System.Numerics.Tensors;
using FrameFlow.Media;
using FrameFlow.Motion;

namespace FrameFlow.Interpolation;

/// <summary>
/// Everything that belongs to one frame in the making, RGB planes and maps of float. What the networks see and give is of their size, half of the frame's where they are halved: then what they
/// give is enlarged. Not thread-safe; owned by the pair in the making.
/// </summary>
internal sealed class MadeFrame : IDisposable
{
    /// <summary>The channel of <see cref="Condition"/> where the base begins, RGB.</summary>
    public const int BaseAt = 0;

    /// <summary>Where both look-ups begin, RGB each.</summary>
    public const int LooksAt = 3;

    /// <summary>Where the maps begin: those of the synthesis network (its motion), then those of the residual network.</summary>
    public const int MapsAt = 9;

    private readonly bool _isHalved;

    /// <summary>Rents its pictures.</summary>
    /// <param name="memory">Where from; not owned.</param>
    /// <param name="height">The frame's.</param>
    /// <param name="width">The frame's.</param>
    /// <param name="isHalved">Whether the networks see it at half its size.</param>
    /// <param name="corrects">Whether they correct the motion.</param>
    public MadeFrame(NativePool memory, int height, int width, bool isHalved, bool corrects)
    {
        _isHalved = isHalved;
        (int seenHeight, int seenWidth) = isHalved ? (HalfSize.Of(height), HalfSize.Of(width)) : (height, width);
        Flow0 = memory.RentImage(2, height, width);
        Flow1 = memory.RentImage(2, height, width);
        Apart = IntermediateMotion.IsHalved(width, height) ? null : memory.RentImage(4, height, width);
        Look0 = memory.RentImage(3, height, width);
        Look1 = memory.RentImage(3, height, width);
        Mask = memory.RentImage(1, height, width);
        Condition = memory.RentImage(MapsAt + ResidualDiffusionNetworks.Motion, seenHeight, seenWidth);
        Scale = memory.RentImage(1, seenHeight, seenWidth);
        Clean = memory.RentImage(3, seenHeight, seenWidth);
        SeenMask = isHalved ? memory.RentImage(1, seenHeight, seenWidth) : Mask;
        Scratch = isHalved ? memory.RentImage(1, height, width) : Scale;
        Delta = corrects ? memory.RentImage(4, seenHeight, seenWidth) : null;
    }

    public double Position { get; private set; }

    /// <summary>The mean of both inconsistencies, 0..1.</summary>
    public float Inconsistency { get; set; }

    /// <summary>What is known of the pair from beside it; not owned.</summary>
    public MotionAround? Around { get; private set; }

    /// <summary>Makes it another frame's.</summary>
    public void Begin(double position, MotionAround? around)
    {
        (Position, Around) = (position, around);
    }

    /// <summary>The networks' pixels a pixel of the frame.</summary>
    public float PixelSize => _isHalved ? 0.5f : 1;

    public FloatImage Flow0 { get; }

    public FloatImage Flow1 { get; }

    /// <summary>The network's correction of both flows [4,h,w], px as it sees them; null where it gives none.</summary>
    public FloatImage? Delta { get; }

    /// <summary>What each direction alone would have, less V (<see cref="IntermediateMotion.At"/>).</summary>
    public FloatImage? Apart { get; }

    public FloatImage Look0 { get; }

    public FloatImage Look1 { get; }

    /// <summary>In the end the finished picture: the base takes the first look-up's place.</summary>
    public FloatImage Picture => Look0;

    public FloatImage Condition { get; }

    public FloatImage Mask { get; }

    /// <summary>The mask as the network gave it.</summary>
    public FloatImage SeenMask { get; }

    public FloatImage Scale { get; }

    /// <summary>Of the frame's size; shares memory with Scale where that is of the frame's size too.</summary>
    public FloatImage Scratch { get; }

    public FloatImage Clean { get; }

    /// <summary>Shows the networks a plane of the frame's size.</summary>
    public void See(ReadOnlySpan<float> plane, Span<float> seen, float factor = 1)
    {
        if (_isHalved)
        {
            HalfSize.Reduce(plane, Mask.Width, Mask.Height, seen, factor);
        }
        else if (factor == 1)
        {
            plane.CopyTo(seen);
        }
        else
        {
            TensorPrimitives.Multiply(plane, factor, seen);
        }
    }

    /// <summary>Adds a plane of the networks' size to one of the frame's.</summary>
    public void AddSeen(ReadOnlySpan<float> seen, Span<float> plane, float factor = 1)
    {
        if (_isHalved)
        {
            HalfSize.AddEnlarged(seen, plane, Mask.Width, Mask.Height, Scratch.Values, factor);
        }
        else
        {
            TensorPrimitives.MultiplyAdd(seen, factor, plane, plane);
        }
    }

    /// <summary>Brings the network's mask to the frame's size.</summary>
    public void TakeMask()
    {
        if (_isHalved)
        {
            Mask.Values.Clear();
            AddSeen(SeenMask.Values, Mask.Values);
        }
    }

    /// <summary>Adds the network's correction to the motion.</summary>
    public void TakeCorrections()
    {
        for (int c = 0; c < 2; c++)
        {
            AddSeen(Delta!.Channel(c), Flow0.Channel(c), 1 / PixelSize);
            AddSeen(Delta.Channel(2 + c), Flow1.Channel(c), 1 / PixelSize);
        }
    }

    public void Dispose()
    {
        Flow0.Dispose();
        Flow1.Dispose();
        Apart?.Dispose();
        Look0.Dispose();
        Look1.Dispose();
        Condition.Dispose();
        Mask.Dispose();
        Scale.Dispose();
        Clean.Dispose();
        Delta?.Dispose();
        if (_isHalved)
        {
            SeenMask.Dispose();
            Scratch.Dispose();
        }
    }
}
