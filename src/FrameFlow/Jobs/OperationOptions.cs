using System.Text.Json.Serialization;

namespace FrameFlow.Jobs;

/// <summary>What one operation is asked for: the part of a request, a recipe or a journal that names it. A new operation is one line here.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "operation")]
[JsonDerivedType(typeof(InterpolationOperationOptions), "interpolate")]
[JsonDerivedType(typeof(DenoiseOperationOptions), "denoise")]
[JsonDerivedType(typeof(GrainOperationOptions), "grain")]
[JsonDerivedType(typeof(DefectsOperationOptions), "defects")]
[JsonDerivedType(typeof(DeflickerOperationOptions), "deflicker")]
[JsonDerivedType(typeof(StabiliseOperationOptions), "stabilise")]
[JsonDerivedType(typeof(RebuildOperationOptions), "rebuild")]
public abstract record OperationOptions
{
    /// <summary>The operation; the caller owns it.</summary>
    public abstract IVideoOperation Create();

    /// <summary>The same with every option at its default that changes speed or memory, but no picture: what a fingerprint is made of.</summary>
    public virtual OperationOptions OfPictures() => this;
}
